using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // Firmware that the device fetches itself, block by block, from the server that it is registered with (RFC 7959 s2.4).
    public sealed partial class Lwm2mClient
    {
        private const string Scheme = "coaps://";
        private const int BlockRoom = 60;
        private const int RestartsMax = 3;

        // The first block, whose ETag the others have; null before.
        private CoapResponse _pulled;
        private string _pulledUri;
        private int _pullRestarts;
        private long _pullAt;

        // One block. False if there is nothing to pull, or not now.
        private bool TryPull()
        {
            string uri = _firmware == null ? null : _firmware.PullUri;
            if (uri == null || _clock.Now < _pullAt)
            {
                return false;
            }

            if (_pulledUri != uri)
            {
                _pulledUri = uri;
                _pullRestarts = 0;
                _pulled = null;
            }

            string path = GetPullPath(uri, out FirmwareResult problem);
            if (path == null)
            {
                FailPull(problem);
                return true;
            }

            int size = CoapBlock.GetSize(_client.MaxMessage - BlockRoom);
            int received = _pulled == null ? 0 : _firmware.Received;
            // The server may have answered in smaller blocks.
            size = _pulled != null && _pulled.HasBlock2 && _pulled.Block2.Size < size ? _pulled.Block2.Size : size;
            CoapRequest request = Prepare(CoapCode.Get, path, -1, null, 0);
            request.HasBlock2 = true;
            request.Block2 = new CoapBlock(received / size, false, size);
            CoapResponse response;
            try
            {
                response = _client.Request(request);
            }
            catch (ArgumentException)
            {
                // It is no path, or too long for a message.
                FailPull(FirmwareResult.InvalidUri);
                return true;
            }

            TakePulled(response, received);
            return true;
        }

        private void TakePulled(CoapResponse response, int received)
        {
            if (_firmware.PullUri != _pulledUri)
            {
                // The server ended it meanwhile.
                _pulled = null;
            }
            else if (CoapCodes.GetClass(response.Code) == 5)
            {
                _pullAt = _clock.Now + LaterAfter(response);
            }
            else if (response.Code != CoapCode.Content)
            {
                FailPull(FirmwareResult.InvalidUri);
            }
            else
            {
                Store(response, received);
            }
        }

        private void Store(CoapResponse response, int received)
        {
            bool isFirst = received == 0;
            bool more = response.HasBlock2 && response.Block2.More;
            bool fits = response.HasBlock2 ? response.Block2.Offset == received && (!more || response.Payload.Length == response.Block2.Size) : isFirst;
            if (!fits || (!isFirst && !response.IsSameRepresentation(_pulled)))
            {
                // RFC 7959 s2.4: the file is another one now, so from its beginning.
                _pulled = null;
                if (++_pullRestarts > RestartsMax)
                {
                    FailPull(FirmwareResult.ConnectionLost);
                }

                return;
            }

            lock (_lock)
            {
                if ((isFirst && !_firmware.TryBegin(response.HasBlock2 ? response.Size2 : response.Payload.Length))
                    || !_firmware.TryAppend(response.Payload, 0, response.Payload.Length))
                {
                    _pulled = null;
                    return;
                }

                _pulled = isFirst ? response : _pulled;
                if (!more)
                {
                    _pulled = null;
                    _pulledUri = null;
                    _firmware.Complete();
                }
            }
        }

        private void FailPull(FirmwareResult result)
        {
            _pulled = null;
            _pulledUri = null;
            lock (_lock)
            {
                _firmware.Fail(result);
            }
        }

        // What stands behind the server's name; null if it is not that server, or another protocol.
        private string GetPullPath(string uri, out FirmwareResult problem)
        {
            problem = FirmwareResult.UnsupportedProtocol;
            if (!uri.StartsWith(Scheme))
            {
                return null;
            }

            problem = FirmwareResult.InvalidUri;
            int slash = uri.IndexOf('/', Scheme.Length);
            string host = slash < 0 ? uri.Substring(Scheme.Length) : uri.Substring(Scheme.Length, slash - Scheme.Length);
            bool hasPort = host.LastIndexOf(':') > host.LastIndexOf(']');
            // RFC 7252 s6.2: the default port.
            return slash > 0 && (hasPort ? host : host + ":5684") == ServerAddress ? uri.Substring(slash) : null;
        }
    }
}
