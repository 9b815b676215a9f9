using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Asks a CoAP server, one confirmable request at a time (RFC 7252 s4.2, s5.2).</summary>
    public sealed class CoapClient
    {
        // RFC 7252 s4.8, MAX_RETRANSMIT.
        private const int RetransmissionsMax = 4;

        // How long a server that acknowledged may take to answer, in milliseconds.
        private const int ResponseTimeout = 60000;
        private const int TokenLength = 4;

        private readonly IMessageChannel _channel;
        private readonly IClock _clock;
        private readonly Random _random;
        private readonly byte[] _request;
        private readonly byte[] _received;
        private readonly byte[] _token = new byte[TokenLength];
        private readonly byte[] _empty = new byte[CoapWriter.HeaderLength];
        private readonly CoapReader _reader = new CoapReader();
        private readonly CoapWriter _writer = new CoapWriter();
        private int _messageId;
        private int _acknowledgementTimeout = 2000;
        private bool _isAcknowledged;

        /// <summary>A client.</summary>
        /// <param name="channel">The way to the server.</param>
        /// <param name="maxMessage">The longest message that the channel takes and gives, in bytes.</param>
        /// <param name="clock">Tells when to send again.</param>
        /// <param name="random">Chance for message ids, tokens and waits.</param>
        public CoapClient(IMessageChannel channel, int maxMessage, IClock clock, Random random)
        {
            _channel = channel;
            _clock = clock;
            _random = random;
            _request = new byte[maxMessage];
            _received = new byte[maxMessage];
            _messageId = random.Next(0x10000);
        }

        /// <summary>
        /// The id of the next message, 0 to 65535. A device that sleeps for less than four minutes should go on counting: a server takes an id
        /// that it has just seen for a repetition (RFC 7252 s4.5).
        /// </summary>
        public int NextMessageId
        {
            get { return _messageId; }
            set { _messageId = value & 0xffff; }
        }

        /// <summary>The shortest wait for an acknowledgement before a message is sent again, in milliseconds, from 1; 2000 unless set (RFC 7252 s4.8, ACK_TIMEOUT).</summary>
        public int AcknowledgementTimeout
        {
            get
            {
                return _acknowledgementTimeout;
            }

            set
            {
                if (value < 1)
                {
                    throw new ArgumentOutOfRangeException(nameof(value));
                }

                _acknowledgementTimeout = value;
            }
        }

        /// <summary>Sends a request until it is acknowledged, and waits for the response.</summary>
        /// <param name="method">GET, POST, PUT, DELETE, FETCH, PATCH or iPATCH.</param>
        /// <param name="path">The path and query, beginning with a slash.</param>
        /// <param name="payload">The payload, or null.</param>
        /// <returns>The response, whatever it says.</returns>
        /// <exception cref="ArgumentException">The method is none, the path is none, or the message would be too long.</exception>
        /// <exception cref="PskException">
        /// The server does not answer (<see cref="PskError.CoapSilent"/>), rejects the message (<see cref="PskError.CoapRejected"/>), or the channel is over.
        /// </exception>
        public CoapResponse Request(CoapCode method, string path, byte[] payload)
        {
            _random.NextBytes(_token);
            int id = TakeMessageId();
            _writer.Begin(_request, 0, _request.Length, CoapType.Confirmable, method, id, _token, 0, TokenLength);
            CoapPath.Add(_writer, path);
            if (payload != null)
            {
                _writer.WritePayload(payload, 0, payload.Length);
            }

            int length = _writer.Length;
            int wait = FirstWait();
            _isAcknowledged = false;
            for (int tries = 0; tries <= RetransmissionsMax; tries++, wait *= 2)
            {
                _channel.Send(_request, 0, length);
                CoapResponse response = Await(id, wait);
                if (response == null && _isAcknowledged)
                {
                    response = Await(id, ResponseTimeout);
                    tries = RetransmissionsMax;
                }

                if (response != null)
                {
                    return response;
                }
            }

            throw new PskException(PskError.CoapSilent, path);
        }

        /// <summary>Finds out whether the server is there: it rejects an empty confirmable message (RFC 7252 s4.3, "CoAP ping").</summary>
        /// <exception cref="PskException">It is not (<see cref="PskError.CoapSilent"/>), or the channel is over.</exception>
        public void Ping()
        {
            int id = TakeMessageId();
            CoapWriter.WriteEmpty(CoapType.Confirmable, id, _request, 0);
            int wait = FirstWait();
            for (int tries = 0; tries <= RetransmissionsMax; tries++, wait *= 2)
            {
                _channel.Send(_request, 0, CoapWriter.HeaderLength);
                for (long end = _clock.Now + wait; Receive(end);)
                {
                    if (_reader.Type == CoapType.Reset && _reader.MessageId == id)
                    {
                        return;
                    }

                    Reject();
                }
            }

            throw new PskException(PskError.CoapSilent, "ping");
        }

        // RFC 7252 s4.8, ACK_RANDOM_FACTOR 1.5.
        private int FirstWait()
        {
            return _acknowledgementTimeout + _random.Next((_acknowledgementTimeout / 2) + 1);
        }

        private int TakeMessageId()
        {
            int id = _messageId;
            _messageId = (id + 1) & 0xffff;
            return id;
        }

        // The response, or null if none came, or only the acknowledgement of the request for the first time.
        private CoapResponse Await(int id, int wait)
        {
            bool wasAcknowledged = _isAcknowledged;
            for (long end = _clock.Now + wait; Receive(end);)
            {
                if (_reader.Type == CoapType.Reset && _reader.MessageId == id)
                {
                    throw new PskException(PskError.CoapRejected);
                }

                if (IsResponse(id))
                {
                    return TakeResponse();
                }

                if (_reader.Type == CoapType.Acknowledgement && _reader.Code == CoapCode.Empty && _reader.MessageId == id)
                {
                    _isAcknowledged = true;
                }
                else
                {
                    Reject();
                }

                if (_isAcknowledged && !wasAcknowledged)
                {
                    return null;
                }
            }

            return null;
        }

        // With the acknowledgement (s5.2.1) or after it (s5.2.2), by the token (s5.3.2).
        private bool IsResponse(int id)
        {
            if (!CoapCodes.IsResponse(_reader.Code) || _reader.TokenLength != TokenLength
                || (_reader.Type == CoapType.Acknowledgement && _reader.MessageId != id))
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

            return _reader.Type != CoapType.Reset;
        }

        private CoapResponse TakeResponse()
        {
            if (_reader.Type == CoapType.Confirmable)
            {
                SendEmpty(CoapType.Acknowledgement);
            }

            byte[] payload = new byte[_reader.PayloadCount];
            Array.Copy(_reader.Buffer, _reader.PayloadOffset, payload, 0, payload.Length);
            return new CoapResponse(_reader.Code, payload);
        }

        // A well-formed message, or false once the time is over. What is malformed is ignored (RFC 7252 s4.2).
        private bool Receive(long end)
        {
            for (; ;)
            {
                long left = end - _clock.Now;
                int length = left <= 0 ? -1 : _channel.Receive(_received, (int)left);
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

        // This side serves nothing and expects nothing else (RFC 7252 s4.2).
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
