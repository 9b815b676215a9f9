using System;
using System.Threading;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// The front door: it connects with the credential of a vault slot, sends telemetry, takes commands, and comes back after
    /// every loss. Messages that the server did not acknowledge yet are kept and sent again.
    /// </summary>
    public sealed class TelemetryClient : IMqttListener, IDisposable
    {
        private const int Patience = 60000;

        private readonly IConnector _connector;
        private readonly TelemetryOptions _options;
        private readonly ITelemetryListener _listener;
        private readonly IClock _clock;
        private readonly BackOff _backOff;
        private readonly MessageWindow _window;
        private readonly AutoResetEvent _wake = new AutoResetEvent(false);
        private readonly AutoResetEvent _acknowledged = new AutoResetEvent(false);
        private readonly object _lock = new object();
        private Thread _thread;
        private MqttClient _mqtt;
        private IByteChannel _channel;
        private int _sequence;
        private bool _stopping;
        private bool _ended;

        /// <summary>A client for the device of a vault slot.</summary>
        /// <param name="vault">The vault; it must stay open as long as the client.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <exception cref="PskException">The slot is empty or damaged.</exception>
        public TelemetryClient(Vault vault, int slot, TelemetryOptions options, ITelemetryListener listener)
            : this(new VaultConnector(vault, slot), options, listener, new UptimeClock(), new Random())
        {
        }

        /// <summary>A client over other connections, with another clock.</summary>
        /// <param name="connector">Makes the connections.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance for the waits between attempts.</param>
        public TelemetryClient(IConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock, Random random)
        {
            _connector = connector;
            _options = options == null ? new TelemetryOptions() : options;
            _listener = listener;
            _clock = clock;
            _backOff = new BackOff(_options.FirstRetry, _options.LongestRetry, random);
            _window = new MessageWindow(_options.WindowSize);
        }

        /// <summary>The name of the device.</summary>
        public string DeviceId
        {
            get { return _connector.DeviceId; }
        }

        /// <summary>Whether the client came to its end: stopped, or not to connect again.</summary>
        public bool HasEnded
        {
            get
            {
                lock (_lock)
                {
                    return _ended;
                }
            }
        }

        /// <summary>How many messages the server did not acknowledge yet.</summary>
        public int Unacknowledged
        {
            get
            {
                lock (_lock)
                {
                    return _window.Count;
                }
            }
        }

        /// <summary>Starts to connect, on a thread of its own.</summary>
        public void Start()
        {
            _thread = new Thread(new ThreadStart(Run));
            _thread.Start();
        }

        /// <summary>Sends telemetry (QoS 1): at once if the device is connected, else as soon as it is.</summary>
        /// <param name="name">The topic below the device's own, such as "telemetry".</param>
        /// <param name="payload">The content; it must not be changed afterwards.</param>
        /// <returns>The message's number, from 1, which its acknowledgement names.</returns>
        /// <exception cref="PskException">Too many messages wait (<see cref="PskError.WindowFull"/>), or the client has ended.</exception>
        public int Send(string name, byte[] payload)
        {
            lock (_lock)
            {
                if (_ended || _stopping)
                {
                    throw new PskException(PskError.Closed);
                }

                OutgoingMessage message = new OutgoingMessage(_sequence + 1, Topic(name), payload);
                if (_mqtt == null)
                {
                    _window.Add(message);
                }
                else
                {
                    PublishNow(message);
                }

                return ++_sequence;
            }
        }

        /// <summary>Waits until the server acknowledged everything.</summary>
        /// <param name="timeout">The longest wait, in milliseconds.</param>
        /// <returns>True if it did.</returns>
        public bool Flush(int timeout)
        {
            long deadline = _clock.Now + timeout;
            while (Unacknowledged > 0)
            {
                long left = deadline - _clock.Now;
                if (left <= 0 || HasEnded)
                {
                    return false;
                }

                _clock.Wait(_acknowledged, (int)left);
            }

            return true;
        }

        /// <summary>Ends the connection in order (DISCONNECT, close_notify) and the client with it.</summary>
        public void Stop()
        {
            lock (_lock)
            {
                if (_stopping)
                {
                    return;
                }

                _stopping = true;
                try
                {
                    if (_mqtt != null)
                    {
                        _mqtt.Disconnect();
                    }
                }
                catch (PskException)
                {
                    // Gone already.
                }

                if (_channel != null)
                {
                    _channel.Close();
                }
            }

            _wake.Set();
            if (_thread != null && _thread != Thread.CurrentThread)
            {
                _thread.Join();
            }
        }

        /// <summary>As <see cref="Stop"/>.</summary>
        public void Dispose()
        {
            Stop();
        }

        void IMqttListener.OnAcknowledged(OutgoingMessage message)
        {
            _listener.OnAcknowledged(message.Sequence);
            _acknowledged.Set();
        }

        void IMqttListener.OnMessage(MqttPublish message)
        {
            string prefix = Topic("cmd/");
            if (message.Topic.Length <= prefix.Length || !message.Topic.StartsWith(prefix))
            {
                return;
            }

            byte[] payload = new byte[message.PayloadCount];
            Array.Copy(message.Payload, message.PayloadOffset, payload, 0, payload.Length);
            _listener.OnCommand(message.Topic.Substring(prefix.Length), payload);
        }

        private string Topic(string name)
        {
            return _options.TopicPrefix + "/" + DeviceId + "/" + name;
        }

        // The window takes the message even if the connection turns out to be broken: the next one sends it.
        private void PublishNow(OutgoingMessage message)
        {
            try
            {
                _mqtt.Publish(message);
            }
            catch (PskException problem)
            {
                if (problem.Code == PskError.WindowFull)
                {
                    throw;
                }

                _channel.Close();
            }
        }

        private void Run()
        {
            while (!IsStopping())
            {
                PskException problem = Attempt();
                int wait = -1;
                if (_options.Reconnect && !IsStopping())
                {
                    wait = problem.IsPermanent ? _backOff.Longest() : _backOff.Next();
                }

                if (!IsStopping())
                {
                    _listener.OnDisconnected(problem, wait);
                }

                if (wait < 0)
                {
                    break;
                }

                _clock.Wait(_wake, wait);
            }

            lock (_lock)
            {
                _ended = true;
            }

            _acknowledged.Set();
        }

        // One connection, from beginning to end.
        private PskException Attempt()
        {
            try
            {
                IByteChannel channel = _connector.Connect(out TlsConnectionInfo info);
                if (!Enter(channel))
                {
                    return new PskException(PskError.Closed);
                }

                MqttClient mqtt = new MqttClient(channel, _window, _clock, this);
                mqtt.Connect(DeviceId, _options.KeepAlive, false);
                _backOff.Reset();
                _listener.OnConnected(info);
                if (_options.TakeCommands)
                {
                    mqtt.Subscribe(Topic("cmd/#"), 1);
                }

                lock (_lock)
                {
                    mqtt.SendWindow();
                    _mqtt = mqtt;
                }

                for (; ;)
                {
                    mqtt.Process(Patience);
                }
            }
            catch (PskException problem)
            {
                return problem;
            }
            catch (Exception problem)
            {
                // An application that throws in its listener must not end the telemetry of the device.
                return new PskException(PskError.HandlerFailed, problem.Message, problem);
            }
            finally
            {
                Leave();
            }
        }

        private bool Enter(IByteChannel channel)
        {
            lock (_lock)
            {
                _channel = channel;
                return !_stopping;
            }
        }

        private void Leave()
        {
            lock (_lock)
            {
                _mqtt = null;
                if (_channel != null)
                {
                    _channel.Close();
                }

                _channel = null;
            }
        }

        private bool IsStopping()
        {
            lock (_lock)
            {
                return _stopping;
            }
        }
    }
}
