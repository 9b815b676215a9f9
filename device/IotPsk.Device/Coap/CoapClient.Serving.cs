using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // Requests that come to the device: once each, refused or answered (RFC 7252 s4.5, s5.2, s5.4, s5.8).
    public sealed partial class CoapClient
    {
        private readonly ICoapHandler _handler;
        private readonly CoapExchange _exchange;
        private readonly ReplyMemory _replies = new ReplyMemory();

        // An answer that did not come with the acknowledgement, until it is sent.
        private readonly byte[] _deferred;
        private int _deferredId;
        private int _deferredLength;

        internal bool TryAcknowledge()
        {
            if (_deferredLength != 0)
            {
                return false;
            }

            SendEmpty(CoapType.Acknowledgement);
            return true;
        }

        private void Serve()
        {
            if (_handler == null)
            {
                Reject();
                return;
            }

            int id = _reader.MessageId;
            bool confirmable = _reader.Type == CoapType.Confirmable;
            int known = _replies.Find(id, _clock.Now);
            if (known >= 0)
            {
                // Acknowledged again, processed once; a non-confirmable one is ignored (RFC 7252 s4.5).
                if (confirmable && _replies.GetLength(known) > 0)
                {
                    _replies.Copy(known, _exchange.Buffer);
                    _channel.Send(_exchange.Buffer, 0, _replies.GetLength(known));
                }

                return;
            }

            _exchange.Reset();
            CoapCode refusal = Check();
            if (refusal == CoapCode.Empty)
            {
                Handle();
            }
            else if (confirmable || refusal != CoapCode.BadOption)
            {
                // RFC 7252 s5.4.1: a non-confirmable one with a bad option is rejected, here in silence.
                _exchange.Begin(refusal);
            }

            Conclude(id, confirmable);
        }

        private void Handle()
        {
            try
            {
                _handler.OnRequest(_exchange);
            }
            catch (PskException)
            {
                // The channel is over.
                throw;
            }
            catch (Exception)
            {
                // What an application does wrong is the matter of this request, not of the connection.
                _exchange.Begin(CoapCode.InternalServerError);
            }

            if (_exchange.Length == 0)
            {
                _exchange.Begin(CoapCode.InternalServerError);
            }
        }

        // Empty if nothing is wrong with the options.
        private CoapCode Check()
        {
            CoapCode refusal = CoapCode.Empty;
            int before = 0;
            _reader.RewindOptions();
            while (_reader.ReadOption())
            {
                int number = _reader.OptionNumber;
                if (number == CoapOption.ProxyUri || number == CoapOption.ProxyScheme)
                {
                    // RFC 7252 s5.10.2: one that is no proxy says so.
                    return CoapCode.ProxyingNotSupported;
                }

                // One of a length it may not have counts as not known (RFC 7252 s5.4.3), one too many as well (s5.4.5).
                bool isBad = (number == before && !CoapOption.IsRepeatable(number)) || !CoapOption.IsLengthAllowed(number, _reader.OptionLength);
                if (CoapOption.IsCritical(number) && (isBad || !IsHeeded(number)))
                {
                    refusal = CoapCode.BadOption;
                }

                before = number;
            }

            return refusal;
        }

        private bool IsHeeded(int number)
        {
            return number == CoapOption.UriHost || number == CoapOption.UriPort || number == CoapOption.UriPath || number == CoapOption.UriQuery
                || _handler.Heeds(number);
        }

        // The reply goes out, or is put off behind what this side waits for, and is remembered.
        private void Conclude(int id, bool confirmable)
        {
            byte[] reply = _exchange.Buffer;
            int length = _exchange.Length;
            bool isUnwanted = length > 0 && _reader.FindOption(CoapOption.NoResponse) && _reader.TryGetUInt(out uint value)
                && CoapNoResponse.Suppresses((int)value, _exchange.Code);
            if (_exchange.IsAcknowledged)
            {
                if (!isUnwanted)
                {
                    _deferredId = _exchange.MessageId;
                    Array.Copy(reply, 0, _deferred, 0, length);
                    _deferredLength = length;
                }

                CoapWriter.WriteEmpty(CoapType.Acknowledgement, id, reply, 0);
                _replies.Add(id, _clock.Now, reply, CoapWriter.HeaderLength);
                return;
            }

            if (isUnwanted)
            {
                // RFC 7967 s2: only the acknowledgement is left.
                length = confirmable ? CoapWriter.WriteEmpty(CoapType.Acknowledgement, id, reply, 0) : 0;
            }

            if (length > 0)
            {
                _channel.Send(reply, 0, length);
            }

            Remember(id, confirmable, reply, length);
        }

        private void Remember(int id, bool confirmable, byte[] reply, int length)
        {
            if (!confirmable)
            {
                length = 0;
            }
            else if (length > ReplyMemory.Longest)
            {
                if (_reader.Code == CoapCode.Get || _reader.Code == CoapCode.Fetch)
                {
                    // To read again does no harm.
                    return;
                }

                // What was done is told without its details.
                length = CoapWriter.HeaderLength + (reply[0] & 15);
            }

            _replies.Add(id, _clock.Now, reply, length);
        }

        private void SendDeferred()
        {
            while (_deferredLength > 0)
            {
                // From now on another request may be acknowledged first and answered later, too.
                int length = _deferredLength;
                Array.Copy(_deferred, 0, _request, 0, length);
                _deferredLength = 0;
                Deliver(_request, length, _deferredId, false, "response");
            }
        }
    }
}
