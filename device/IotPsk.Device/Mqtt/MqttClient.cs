using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// One MQTT 3.1.1 connection: CONNECT, QoS 0 and 1, keep-alive. <see cref="Process"/> belongs to one thread; publishing and
    /// disconnecting may come from others.
    /// </summary>
    public sealed partial class MqttClient
    {
        /// <summary>How long the server may take to answer, in milliseconds.</summary>
        public const int AnswerTimeout = 20000;

        private const int SmallPacket = 512;

        private readonly IByteChannel _channel;
        private readonly MessageWindow _window;
        private readonly IClock _clock;
        private readonly IMqttListener _listener;
        private readonly object _sendLock = new object();
        private byte[] _output = new byte[SmallPacket];
        private long _lastSent;
        private long _pingSent = -1;
        private int _keepAlive;

        internal MqttClient(IByteChannel channel, MessageWindow window, IClock clock, IMqttListener listener)
        {
            _channel = channel;
            _window = window;
            _clock = clock;
            _listener = listener;
        }

        /// <summary>Begins the MQTT session.</summary>
        /// <param name="clientId">The client id.</param>
        /// <param name="keepAlive">The longest silence, in seconds, 0 to 65535; 0 is none.</param>
        /// <param name="cleanSession">Whether the server forgets earlier sessions (s3.1.2.4).</param>
        /// <returns>True if the server kept a session of this client.</returns>
        /// <exception cref="PskException">The server refused, broke the protocol, or did not answer.</exception>
        public bool Connect(string clientId, int keepAlive, bool cleanSession)
        {
            _keepAlive = keepAlive * 1000;
            _window.Restart();
            lock (_sendLock)
            {
                MqttConnect connect = new MqttConnect();
                connect.ClientId = clientId;
                connect.CleanSession = cleanSession;
                connect.KeepAlive = keepAlive;
                Send(connect.Write(_output, 0));
            }

            long deadline = _clock.Now + AnswerTimeout;
            while (!_connected)
            {
                Await(deadline, "CONNACK");
            }

            return _sessionPresent;
        }

        /// <summary>Subscribes, and waits for the answer. On the thread of <see cref="Process"/>.</summary>
        /// <param name="filter">The topic filter.</param>
        /// <param name="qualityOfService">The highest QoS to be delivered with, 0 or 1.</param>
        /// <exception cref="PskException">The server refused, broke the protocol, or did not answer.</exception>
        public void Subscribe(string filter, int qualityOfService)
        {
            lock (_sendLock)
            {
                MqttSubscribe subscribe = new MqttSubscribe();
                subscribe.PacketId = _window.NextPacketId();
                subscribe.Filter = filter;
                subscribe.QualityOfService = qualityOfService;
                _subscription = subscribe.PacketId;
                _filter = filter;
                Send(subscribe.Write(_output, 0));
            }

            long deadline = _clock.Now + AnswerTimeout;
            while (_subscription != 0)
            {
                Await(deadline, "SUBACK");
            }
        }

        /// <summary>Sends what the window holds and did not go out over this connection yet.</summary>
        internal void SendWindow()
        {
            lock (_sendLock)
            {
                for (OutgoingMessage message = _window.NextToSend(); message != null; message = _window.NextToSend())
                {
                    // At most once: forgotten before it leaves, not after.
                    if (message.QualityOfService == 0)
                    {
                        _window.Acknowledge(message.PacketId);
                    }

                    SendPublish(message);
                }
            }
        }

        /// <summary>Sends a message; one of QoS 1 goes into the window until it is acknowledged.</summary>
        internal void Publish(OutgoingMessage message)
        {
            lock (_sendLock)
            {
                if (message.QualityOfService > 0)
                {
                    _window.Add(message);
                }

                SendPublish(message);
            }
        }

        /// <summary>Waits for packets and handles what comes; keeps the connection alive.</summary>
        /// <param name="timeout">The longest wait, in milliseconds.</param>
        /// <exception cref="PskException">The connection is over.</exception>
        public void Process(int timeout)
        {
            KeepAlive();
            CheckAnswers();
            ReceivePackets(Shorter(timeout));
        }

        /// <summary>Says that this end is done (s3.14); the server then does not send the will.</summary>
        public void Disconnect()
        {
            lock (_sendLock)
            {
                Send(MqttPacket.WriteEmpty(MqttPacketType.Disconnect, _output, 0));
            }
        }

        private void SendPublish(OutgoingMessage message)
        {
            MqttPublish publish = new MqttPublish();
            publish.Topic = message.Topic;
            publish.QualityOfService = message.QualityOfService;
            publish.IsDuplicate = message.QualityOfService > 0 && message.WasSent;
            publish.PacketId = message.PacketId;
            publish.Payload = message.Payload;
            publish.PayloadCount = message.Payload.Length;

            // The largest header around topic and payload: 5 of the fixed one, 4 of length and identifier, 3 bytes a character.
            int room = 9 + (3 * message.Topic.Length) + message.Payload.Length;
            if (_output.Length < room)
            {
                _output = new byte[room];
            }

            int length = publish.Write(_output, 0);
            // Before the bytes leave: the acknowledgement may be read before this thread goes on.
            _window.MarkSent(message, _clock.Now);
            Send(length);
        }

        private void Send(int length)
        {
            _channel.Send(_output, 0, length);
            _lastSent = _clock.Now;
        }

        private void Await(long deadline, string what)
        {
            long left = deadline - _clock.Now;
            if (left <= 0)
            {
                throw new PskException(PskError.MqttSilent, "no " + what);
            }

            ReceivePackets((int)left);
        }

        private void KeepAlive()
        {
            if (_keepAlive == 0 || _pingSent >= 0 || _clock.Now - _lastSent < PingAfter())
            {
                return;
            }

            lock (_sendLock)
            {
                Send(MqttPacket.WriteEmpty(MqttPacketType.PingReq, _output, 0));
                _pingSent = _clock.Now;
            }
        }

        // Well before the server's patience ends, which is one and a half times the keep-alive time (s3.1.2.10).
        private long PingAfter()
        {
            return (long)_keepAlive * 3 / 4;
        }

        private void CheckAnswers()
        {
            long now = _clock.Now;
            if (_pingSent >= 0 && now - _pingSent >= AnswerTimeout)
            {
                throw new PskException(PskError.MqttSilent, "no PINGRESP");
            }

            long awaitedSince = _window.AwaitedSince;
            if (awaitedSince >= 0 && now - awaitedSince >= AnswerTimeout)
            {
                throw new PskException(PskError.MqttSilent, "no PUBACK");
            }
        }

        // The wait ends when the next thing is due.
        private int Shorter(int timeout)
        {
            long due = timeout;
            long now = _clock.Now;
            if (_keepAlive > 0 && _pingSent < 0)
            {
                due = Earlier(due, _lastSent + PingAfter() - now);
            }

            if (_pingSent >= 0)
            {
                due = Earlier(due, _pingSent + AnswerTimeout - now);
            }

            long awaitedSince = _window.AwaitedSince;
            if (awaitedSince >= 0)
            {
                due = Earlier(due, awaitedSince + AnswerTimeout - now);
            }

            return due < 0 ? 0 : (int)due;
        }

        private static long Earlier(long one, long other)
        {
            return one < other ? one : other;
        }
    }
}
