using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>A request that came to the device, and its answer.</summary>
    public sealed class CoapExchange
    {
        private readonly CoapClient _client;
        private readonly CoapReader _request;
        private readonly CoapWriter _writer = new CoapWriter();
        private readonly byte[] _buffer;
        private CoapCode _code;
        private int _messageId;
        private bool _isAcknowledged;

        internal CoapExchange(CoapClient client, CoapReader request, int maxMessage)
        {
            _client = client;
            _request = request;
            _buffer = new byte[maxMessage];
        }

        /// <summary>The request.</summary>
        public CoapReader Request
        {
            get { return _request; }
        }

        /// <summary>The code of the answer begun; Empty before.</summary>
        public CoapCode Code
        {
            get { return _code; }
        }

        internal byte[] Buffer
        {
            get { return _buffer; }
        }

        // 0: there is no answer.
        internal int Length
        {
            get { return _code == CoapCode.Empty ? 0 : _writer.Length; }
        }

        internal int MessageId
        {
            get { return _messageId; }
        }

        internal bool IsAcknowledged
        {
            get { return _isAcknowledged; }
        }

        /// <summary>Begins the answer, in place of one begun before.</summary>
        /// <param name="code">The code of a response.</param>
        /// <returns>Takes options and payload.</returns>
        public CoapWriter Begin(CoapCode code)
        {
            bool isPiggybacked = _request.Type == CoapType.Confirmable && !_isAcknowledged;
            if (_code == CoapCode.Empty)
            {
                _messageId = isPiggybacked ? _request.MessageId : _client.TakeMessageId();
            }

            // RFC 7252 s5.2: with the acknowledgement, or as the request came.
            CoapType type = isPiggybacked ? CoapType.Acknowledgement : _request.Type;
            _code = code;
            _writer.Begin(_buffer, 0, _buffer.Length, type, code, _messageId, _request.Buffer, _request.TokenOffset, _request.TokenLength);
            return _writer;
        }

        /// <summary>
        /// Acknowledges the request now, because the answer takes longer than a second; the answer then comes in a message of
        /// its own (RFC 7252 s5.2.2). To be called before <see cref="Begin"/>. It does nothing if another such answer is still to be sent.
        /// </summary>
        public void Acknowledge()
        {
            if (_request.Type == CoapType.Confirmable && _code == CoapCode.Empty && !_isAcknowledged)
            {
                _isAcknowledged = _client.TryAcknowledge();
            }
        }

        internal void Reset()
        {
            _code = CoapCode.Empty;
            _isAcknowledged = false;
        }
    }
}
