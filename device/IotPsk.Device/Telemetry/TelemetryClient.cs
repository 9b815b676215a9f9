using System;
using System.Threading;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// The front door: it connects with the credential of a vault slot, by MQTT or LwM2M, sends telemetry, takes commands, and comes
    /// back after every loss. What the server did not acknowledge yet is kept and sent again.
    /// </summary>
    public sealed partial class TelemetryClient : IDisposable
    {
        /// <summary>The largest content of a message, in bytes, whatever its topic (MQTT 3.1.1 s2.2.3).</summary>
        public const int MaxPayload = MqttFixedHeader.MaxRemainingLength - 0xffff - 4;

        private readonly TelemetryLink _link;
        private readonly TelemetryOptions _options;
        private readonly ITelemetryListener _listener;
        private readonly IClock _clock;
        private readonly BackOff _backOff;
        private readonly AutoResetEvent _wake = new AutoResetEvent(false);
        private readonly AutoResetEvent _acknowledged = new AutoResetEvent(false);
        private readonly object _lock = new object();
        private Thread _thread;
        private TelemetryState _state;
        private bool _stopping;
        private int _connections;

        /// <summary>A client for the device of a vault slot, by the protocol that the options name.</summary>
        /// <param name="vault">The vault; it must stay open as long as the client.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <exception cref="PskException">The slot is empty or damaged, or names no address for the protocol.</exception>
        public TelemetryClient(Vault vault, int slot, TelemetryOptions options, ITelemetryListener listener)
            : this(options, listener, new UptimeClock())
        {
            if (_options.Protocol == TelemetryProtocol.Mqtt)
            {
                _link = new MqttLink(this, new VaultConnector(vault, slot), _options, listener, _clock);
                _backOff = NewBackOff(null);
            }
            else
            {
                VaultDatagramConnector connector = new VaultDatagramConnector(vault, slot, _options.Session, _clock);
                Random random = new Random(Seed(connector.DeviceId));
                _link = new Lwm2mLink(this, connector, _options, listener, _clock, random);
                _backOff = NewBackOff(random);
            }
        }

        /// <summary>A client that speaks MQTT over other connections, with another clock.</summary>
        /// <param name="connector">Makes the connections; it is the client's own, which cancels it at its end.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance for the waits between attempts; null for one that the device id and the uptime seed.</param>
        /// <exception cref="ArgumentException">An option is out of its range.</exception>
        public TelemetryClient(IConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock, Random random)
            : this(options, listener, clock)
        {
            _link = new MqttLink(this, connector, _options, listener, clock);
            _backOff = NewBackOff(random);
        }

        /// <summary>A client that speaks LwM2M over other associations, with another clock.</summary>
        /// <param name="connector">Makes the associations; it is the client's own, which cancels it at its end.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">The application.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance; devices must differ in it. Null for one that the device id and the uptime seed.</param>
        /// <exception cref="ArgumentException">An option is out of its range.</exception>
        public TelemetryClient(IDatagramConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock, Random random)
            : this(options, listener, clock)
        {
            Random chance = random == null ? new Random(Seed(connector.DeviceId)) : random;
            _link = new Lwm2mLink(this, connector, _options, listener, clock, chance);
            _backOff = NewBackOff(chance);
        }

        private TelemetryClient(TelemetryOptions options, ITelemetryListener listener, IClock clock)
        {
            _options = options == null ? new TelemetryOptions() : options;
            _options.Check();
            _listener = listener;
            _clock = clock;
        }

        /// <summary>The name of the device.</summary>
        public string DeviceId
        {
            get { return _link.DeviceId; }
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

        /// <summary>How many messages and values the server did not acknowledge yet, or, of QoS 0, did not get yet.</summary>
        public int Unacknowledged
        {
            get { return _link.Unacknowledged; }
        }

        /// <summary>How many connections there were, the one of now included. A command belongs to the one during which the listener heard of it.</summary>
        public int Connections
        {
            get
            {
                lock (_lock)
                {
                    return _connections;
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
            return _link.Send(name, payload, qualityOfService);
        }

        /// <summary>
        /// Sends a measured value: over LwM2M by a notification, or by itself where nobody observes it; over MQTT as SenML-JSON to the topic that a
        /// gateway uses for it, below the device's own. It is sent until the server has it.
        /// </summary>
        /// <param name="path">The resource of LwM2M that it is the value of, such as "3303/0/5700".</param>
        /// <param name="value">The value.</param>
        /// <returns>The value's number, from 1, which its acknowledgement names.</returns>
        /// <exception cref="ArgumentException">It is no number, or the device has no such resource.</exception>
        /// <exception cref="PskException">Too many values wait (<see cref="PskError.WindowFull"/>), or the client has ended.</exception>
        public int Send(string path, double value)
        {
            return _link.Send(path, value);
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

        /// <summary>Ends the connection in order (DISCONNECT or de-registration, close_notify) and the client with it; an attempt to connect is given up.</summary>
        public void Stop()
        {
            lock (_lock)
            {
                if (!_stopping)
                {
                    _stopping = true;
                    _link.Farewell();
                }

                if (_thread == null)
                {
                    _state = TelemetryState.Ended;
                }
            }

            _wake.Set();
            if (_thread == null || _thread == Thread.CurrentThread || _link.FarewellTime == 0 || !_thread.Join(_link.FarewellTime))
            {
                _link.Cancel();
            }

            if (_thread != null && _thread != Thread.CurrentThread)
            {
                _thread.Join();
            }
        }

        /// <summary>
        /// Ends the client without a farewell: over LwM2M the association is saved in the vault, and the next client wakes up into it. Over MQTT
        /// this is <see cref="Stop"/>.
        /// </summary>
        /// <param name="milliseconds">How long the device will sleep.</param>
        /// <returns>What the next client has to know, for <see cref="TelemetryOptions.State"/>; null over MQTT. There is no key in it.</returns>
        public byte[] Sleep(int milliseconds)
        {
            Lwm2mLink link = _options.Protocol == TelemetryProtocol.Mqtt ? null : (Lwm2mLink)_link;
            if (link != null)
            {
                lock (_lock)
                {
                    link.FallAsleep(milliseconds);
                }
            }

            Stop();
            if (link != null)
            {
                link.KeepState();
            }

            return link == null ? null : link.State;
        }

        /// <summary>As <see cref="Stop"/>.</summary>
        public void Dispose()
        {
            Stop();
        }

        private BackOff NewBackOff(Random random)
        {
            return new BackOff(_options.FirstRetry, _options.LongestRetry, random == null ? new Random(Seed(DeviceId)) : random);
        }

        // Boards that get power together have the same uptime, but not the same name.
        private int Seed(string id)
        {
            int seed = (int)_clock.Now;
            for (int i = 0; i < id.Length; i++)
            {
                seed = (seed * 31) + id[i];
            }

            return seed;
        }
    }
}
