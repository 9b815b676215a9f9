using IotPsk.Shared;

namespace IotPsk.Device
{
    // The message layer: what is sent until it is acknowledged, and what comes meanwhile (RFC 7252 s4).
    public sealed partial class CoapClient
    {
        // RFC 7252 s4.8, MAX_RETRANSMIT.
        private const int RetransmissionsMax = 4;

        // How long a server that acknowledged may take to answer, in milliseconds.
        private const int ResponseTimeout = 60000;
        private const int TokenLength = 4;
        private const int Nothing = -1;

        private readonly byte[] _received;
        private readonly byte[] _empty = new byte[CoapWriter.HeaderLength];
        private readonly CoapReader _reader = new CoapReader();
        private int _sentId;

        // The message of ours that waits, and what became of it.
        private int _waitingId = Nothing;
        private bool _wantsResponse;
        private bool _isAcknowledged;
        private bool _isReset;
        private CoapResponse _response;

        /// <summary>Receives and serves for a while.</summary>
        /// <param name="timeout">How long, in milliseconds; 0 takes what is there.</param>
        /// <returns>True if a message came; then it does not wait for the end of the time.</returns>
        /// <exception cref="PskException">The channel is over, or an answer of this side got no acknowledgement.</exception>
        public bool Process(int timeout)
        {
            if (!Receive(_clock.Now + timeout))
            {
                return false;
            }

            Dispatch();
            SendDeferred();
            return true;
        }

        // RFC 7252 s4.8, ACK_RANDOM_FACTOR 1.5.
        private int FirstWait()
        {
            return _acknowledgementTimeout + _random.Next((_acknowledgementTimeout / 2) + 1);
        }

        // False if the server rejected the message. The response, if one is wanted, is there afterwards.
        private bool Deliver(byte[] message, int length, int id, bool wantsResponse, string what)
        {
            _waitingId = id;
            _wantsResponse = wantsResponse;
            _isAcknowledged = false;
            _isReset = false;
            _response = null;
            int wait = FirstWait();
            try
            {
                for (int tries = 0; tries <= RetransmissionsMax && !_isAcknowledged; tries++, wait *= 2)
                {
                    _channel.Send(message, 0, length);
                    Await(wait);
                    if (_isAcknowledged && wantsResponse && _response == null)
                    {
                        Await(ResponseTimeout);
                    }

                    if (_isReset || _response != null || (_isAcknowledged && !wantsResponse))
                    {
                        return !_isReset;
                    }
                }
            }
            finally
            {
                _waitingId = Nothing;
            }

            throw new PskException(PskError.CoapSilent, what);
        }

        // Until the time is over, or something became of the message that waits.
        private void Await(int wait)
        {
            bool wasAcknowledged = _isAcknowledged;
            for (long end = _clock.Now + wait; Receive(end);)
            {
                Dispatch();
                if (_isReset || _response != null || _isAcknowledged != wasAcknowledged)
                {
                    return;
                }
            }
        }

        private void Dispatch()
        {
            bool isReply = _reader.Type == CoapType.Acknowledgement || _reader.Type == CoapType.Reset;
            if (CoapCodes.IsRequest(_reader.Code))
            {
                Serve();
            }
            else if (isReply && _reader.MessageId == _waitingId && _reader.Code == CoapCode.Empty)
            {
                _isReset |= _reader.Type == CoapType.Reset;
                _isAcknowledged |= _reader.Type == CoapType.Acknowledgement;
            }
            else if (IsResponse())
            {
                TakeResponse();
            }
            else
            {
                Reject();
            }
        }

        // With the acknowledgement (s5.2.1) or after it (s5.2.2), by the token (s5.3.2).
        private bool IsResponse()
        {
            if (_waitingId == Nothing || !_wantsResponse || !CoapCodes.IsResponse(_reader.Code) || _reader.TokenLength != TokenLength
                || (_reader.Type == CoapType.Acknowledgement && _reader.MessageId != _waitingId))
            {
                return false;
            }

            for (int i = 0; i < TokenLength; i++)
            {
                if (_reader.Buffer[_reader.TokenOffset + i] != _token[i])
                {
                    return false;
                }
            }

            return true;
        }

        private void TakeResponse()
        {
            if (_reader.Type == CoapType.Confirmable)
            {
                SendEmpty(CoapType.Acknowledgement);
            }

            _response = new CoapResponse(_reader);
        }

        // A well-formed message, or false once the time is over. What is malformed is ignored (RFC 7252 s4.2).
        private bool Receive(long end)
        {
            for (; ;)
            {
                long left = end - _clock.Now;
                int length = left < 0 ? -1 : _channel.Receive(_received, (int)left);
                if (length == 0)
                {
                    throw new PskException(PskError.Closed);
                }

                if (length < 0)
                {
                    return false;
                }

                if (_reader.Read(_received, 0, length) == CoapFormatError.None)
                {
                    return true;
                }
            }
        }

        // RFC 7252 s4.2, s4.3: pings, and what belongs to nothing here.
        private void Reject()
        {
            if (_reader.Type == CoapType.Confirmable)
            {
                SendEmpty(CoapType.Reset);
            }
        }

        private void SendEmpty(CoapType type)
        {
            CoapWriter.WriteEmpty(type, _reader.MessageId, _empty, 0);
            _channel.Send(_empty, 0, CoapWriter.HeaderLength);
        }
    }
}
