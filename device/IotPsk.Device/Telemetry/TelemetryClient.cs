using System;
using System.Threading;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// The front door: it connects with the credential of a vault slot, sends telemetry, takes commands, and comes back after
    /// every loss. Messages that the server did not acknowledge yet are kept and sent again.
    /// </summary>
    public sealed partial class TelemetryClient : IMqttListener, IDisposable
    {
        /// <summary>The largest content of a message, in bytes, whatever its topic (MQTT 3.1.1 s2.2.3).</summary>
        public const int MaxPayload = MqttFixedHeader.MaxRemainingLength - 0xffff - 4;

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
        private TelemetryState _state;
        private int _sequence;
        private bool _stopping;

        /// <summary>A client for the device of a vault slot.</summary>
        /// <param name="vault">The vault; it must stay open as long as the client.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <exception cref="PskException">The slot is empty or damaged.</exception>
        public TelemetryClient(Vault vault, int slot, TelemetryOptions options, ITelemetryListener listener)
            : this(new VaultConnector(vault, slot), options, listener, new UptimeClock(), null)
        {
        }

        /// <summary>A client over other connections, with another clock.</summary>
        /// <param name="connector">Makes the connections; it is the client's own, which cancels it at its end.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance for the waits between attempts; null for one that the device id and the uptime seed.</param>
        /// <exception cref="ArgumentException">An option is out of its range.</exception>
        public TelemetryClient(IConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock, Random random)
        {
            _connector = connector;
            _options = options == null ? new TelemetryOptions() : options;
            _options.Check();
            _listener = listener;
            _clock = clock;
            _backOff = new BackOff(_options.FirstRetry, _options.LongestRetry, random == null ? new Random(Seed()) : random);
            _window = new MessageWindow(_options.WindowSize);
        }

        /// <summary>The name of the device.</summary>
        public string DeviceId
        {
            get { return _connector.DeviceId; }
        }

        /// <summary>Where the client is.</summary>
        public TelemetryState State
        {
            get
            {
                lock (_lock)
                {
                    return _state;
                }
            }
        }

        /// <summary>Whether the client came to its end: stopped, or not to connect again.</summary>
        public bool HasEnded
        {
            get { return State == TelemetryState.Ended; }
        }

        /// <summary>How many messages the server did not acknowledge yet (QoS 1), or did not get yet (QoS 0).</summary>
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
        /// <exception cref="InvalidOperationException">It was started, or stopped, before.</exception>
        public void Start()
        {
            lock (_lock)
            {
                if (_state != TelemetryState.Idle || _stopping)
                {
                    throw new InvalidOperationException();
                }

                _state = TelemetryState.Connecting;
                _thread = new Thread(new ThreadStart(Run));
                _thread.Start();
            }
        }

        /// <summary>Sends telemetry with the QoS of the options: at once if the device is connected, else as soon as it is.</summary>
        /// <param name="name">The topic below the device's own, such as "telemetry".</param>
        /// <param name="payload">The content; it must not be changed afterwards.</param>
        /// <returns>The message's number, from 1, which its acknowledgement names.</returns>
        /// <exception cref="ArgumentException">The name is no topic, or the content is missing or too large.</exception>
        /// <exception cref="PskException">Too many messages wait (<see cref="PskError.WindowFull"/>), or the client has ended.</exception>
        public int Send(string name, byte[] payload)
        {
            return Send(name, payload, _options.QualityOfService);
        }

        /// <summary>Sends telemetry: at once if the device is connected, else as soon as it is.</summary>
        /// <param name="name">The topic below the device's own, such as "telemetry".</param>
        /// <param name="payload">The content; it must not be changed afterwards.</param>
        /// <param name="qualityOfService">1: sent until the server acknowledges it; 0: sent once, and nobody tells whether it arrived.</param>
        /// <returns>The message's number, from 1, which its acknowledgement names.</returns>
        /// <exception cref="ArgumentException">The name is no topic, the content is missing or too large, or there is no such QoS here.</exception>
        /// <exception cref="PskException">Too many messages wait (<see cref="PskError.WindowFull"/>), or the client has ended.</exception>
        public int Send(string name, byte[] payload, int qualityOfService)
        {
            // All of it now: what is found wrong while sending would spoil every later connection, too.
            string topic = name == null ? null : Topic(name);
            if (!MqttTopic.IsName(topic) || payload == null || payload.Length > MaxPayload || qualityOfService < 0 || qualityOfService > 1)
            {
                throw new ArgumentException("The name is no topic (MQTT 3.1.1 s4.7), the payload is null or too large, or the QoS is neither 0 nor 1.");
            }

            lock (_lock)
            {
                if (_stopping || _state == TelemetryState.Ended)
                {
                    throw new PskException(PskError.Closed);
                }

                OutgoingMessage message = new OutgoingMessage(_sequence + 1, topic, payload, qualityOfService);
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

        /// <summary>Ends the connection in order (DISCONNECT, close_notify) and the client with it; an attempt to connect is given up.</summary>
        public void Stop()
        {
            lock (_lock)
            {
                if (!_stopping)
                {
                    _stopping = true;
                    SayFarewell();
                }

                if (_thread == null)
                {
                    _state = TelemetryState.Ended;
                }
            }

            _connector.Cancel();
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

        private void SayFarewell()
        {
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

        private string Topic(string name)
        {
            return _options.TopicPrefix + "/" + DeviceId + "/" + name;
        }

        // Boards that get power together have the same uptime, but not the same name.
        private int Seed()
        {
            int seed = (int)_clock.Now;
            string id = DeviceId;
            for (int i = 0; i < id.Length; i++)
            {
                seed = (seed * 31) + id[i];
            }

            return seed;
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
    }
}
