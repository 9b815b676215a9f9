using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// The CoAP of a device with one server: it asks, one confirmable message at a time (RFC 7252 s4.2, s4.7), and serves
    /// requests while it waits, if it has a handler. For one thread.
    /// </summary>
    public sealed partial class CoapClient
    {
        // Of a message that carries a block: header, token, and options beside the path.
        private const int BlockOverhead = 40;

        private readonly IMessageChannel _channel;
        private readonly IClock _clock;
        private readonly Random _random;
        private readonly byte[] _request;
        private readonly CoapWriter _writer = new CoapWriter();
        private readonly CoapRequest _plain = new CoapRequest();
        private readonly byte[] _token = new byte[TokenLength];
        private int _messageId;
        private int _acknowledgementTimeout = 2000;

        /// <summary>A client.</summary>
        /// <param name="channel">The way to the server.</param>
        /// <param name="maxMessage">The longest message that the channel takes and gives, in bytes.</param>
        /// <param name="clock">Tells when to send again.</param>
        /// <param name="random">Chance for message ids, tokens and waits.</param>
        public CoapClient(IMessageChannel channel, int maxMessage, IClock clock, Random random)
            : this(channel, maxMessage, clock, random, null)
        {
        }

        /// <summary>A client that serves, too.</summary>
        /// <param name="channel">The way to the server.</param>
        /// <param name="maxMessage">The longest message that the channel takes and gives, in bytes.</param>
        /// <param name="clock">Tells when to send again.</param>
        /// <param name="random">Chance for message ids, tokens and waits.</param>
        /// <param name="handler">Answers requests; null: they are rejected.</param>
        public CoapClient(IMessageChannel channel, int maxMessage, IClock clock, Random random, ICoapHandler handler)
        {
            _channel = channel;
            _clock = clock;
            _random = random;
            _request = new byte[maxMessage];
            _received = new byte[maxMessage];
            _messageId = random.Next(0x10000);
            _handler = handler;
            if (handler != null)
            {
                _exchange = new CoapExchange(this, _reader, maxMessage);
                _deferred = new byte[maxMessage];
            }
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

        /// <summary>The longest message, in bytes.</summary>
        public int MaxMessage
        {
            get { return _request.Length; }
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
            _plain.Method = method;
            _plain.Path = path;
            _plain.SetPayload(payload);
            try
            {
                return Request(_plain);
            }
            finally
            {
                _plain.SetPayload(null);
            }
        }

        /// <summary>Sends a request until it is acknowledged, in blocks if it is long, and waits for the response.</summary>
        /// <param name="request">The request.</param>
        /// <returns>The response, whatever it says; with a block of a larger one, that block.</returns>
        /// <exception cref="ArgumentException">The method is none, the path is none, or it is too long.</exception>
        /// <exception cref="PskException">As for <see cref="Request(CoapCode, string, byte[])"/>.</exception>
        public CoapResponse Request(CoapRequest request)
        {
            request.Check();
            int room = Begin(request, false, new CoapBlock(0, false, CoapBlock.MinSize));
            if (request.Count < room)
            {
                _writer.WritePayload(request.Payload, request.Offset, request.Count);
                return Send(request.Path);
            }

            return RequestInBlocks(request);
        }

        /// <summary>Finds out whether the server is there: it rejects an empty confirmable message (RFC 7252 s4.3, "CoAP ping").</summary>
        /// <exception cref="PskException">It is not (<see cref="PskError.CoapSilent"/>), or the channel is over.</exception>
        public void Ping()
        {
            int id = TakeMessageId();
            CoapWriter.WriteEmpty(CoapType.Confirmable, id, _request, 0);
            Deliver(_request, CoapWriter.HeaderLength, id, false, "ping");
            SendDeferred();
        }

        /// <summary>Begins a notification, or another response of its own, for <see cref="Notify"/>.</summary>
        /// <param name="code">The code.</param>
        /// <param name="token">The token of the request that it answers.</param>
        /// <param name="tokenLength">How many bytes of it.</param>
        /// <returns>Takes options and payload.</returns>
        public CoapWriter BeginNotification(CoapCode code, byte[] token, int tokenLength)
        {
            _sentId = TakeMessageId();
            _writer.Begin(_request, 0, _request.Length, CoapType.Confirmable, code, _sentId, token, 0, tokenLength);
            return _writer;
        }

        /// <summary>Sends the notification begun until it is acknowledged.</summary>
        /// <returns>False if the server wants no more of them: it rejected this one (RFC 7641 s3.6).</returns>
        /// <exception cref="PskException">The server does not answer (<see cref="PskError.CoapSilent"/>), or the channel is over.</exception>
        public bool Notify()
        {
            bool taken = Deliver(_request, _writer.Length, _sentId, false, "notification");
            SendDeferred();
            return taken;
        }

        internal int TakeMessageId()
        {
            int id = _messageId;
            _messageId = (id + 1) & 0xffff;
            return id;
        }

        // Gives how many bytes of payload fit, with the marker in front of them.
        private int Begin(CoapRequest request, bool isBlock, CoapBlock block1)
        {
            _random.NextBytes(_token);
            _sentId = TakeMessageId();
            _writer.Begin(_request, 0, _request.Length, CoapType.Confirmable, request.Method, _sentId, _token, 0, TokenLength);
            request.WriteOptions(_writer, isBlock, block1);
            return _writer.Room;
        }

        private CoapResponse Send(string what)
        {
            if (!Deliver(_request, _writer.Length, _sentId, true, what))
            {
                throw new PskException(PskError.CoapRejected);
            }

            CoapResponse response = _response;
            _response = null;
            SendDeferred();
            return response;
        }

        // RFC 7959 s2.5: one block after the other, of the size that the server likes.
        private CoapResponse RequestInBlocks(CoapRequest request)
        {
            int size = CoapBlock.GetSize(_request.Length - BlockOverhead - request.Path.Length);
            for (int at = 0; ;)
            {
                int left = request.Count - at;
                bool more = left > size;
                Begin(request, true, new CoapBlock(at / size, more, size));
                _writer.WritePayload(request.Payload, request.Offset + at, more ? size : left);
                CoapResponse response = Send(request.Path);
                bool smaller = response.HasBlock1 && response.Block1.Size < size;
                if (response.Code == CoapCode.RequestEntityTooLarge && at == 0 && smaller)
                {
                    size = response.Block1.Size;
                    continue;
                }

                // 2.31, or 2.04 from a server that keeps nothing until the end (s2.3).
                if (!more || !response.IsSuccess || !response.HasBlock1)
                {
                    return response;
                }

                at += size;
                size = smaller ? response.Block1.Size : size;
            }
        }
    }
}
