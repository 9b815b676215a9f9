using System;
using System.Threading;
using IotPsk.Shared;

namespace IotPsk.Device.App
{
    /// <summary>The telemetry application over CoAP and DTLS: it measures in regular steps, posts, and may sleep in between.</summary>
    public sealed class DatagramApplication : IDisposable
    {
        private readonly Vault _vault;
        private readonly int _slot;
        private readonly DatagramSettings _settings;
        private readonly IBoard _board;
        private readonly IDatagramListener _listener;
        private readonly IClock _clock;
        private readonly Random _random;
        private readonly BackOff _backOff;
        private readonly string _deviceId;
        private readonly ServerAddress _address;
        private readonly AutoResetEvent _stop = new AutoResetEvent(false);
        private readonly object _lock = new object();
        private UdpChannel _wire;
        private PskDatagramSession _session;
        private CoapClient _client;
        private int _messageId = -1;
        private bool _stopping;

        /// <summary>An application.</summary>
        /// <param name="vault">The vault; it must stay open.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="settings">How it behaves.</param>
        /// <param name="board">What is measured.</param>
        /// <param name="listener">Who hears of it.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance; devices must differ in it.</param>
        /// <exception cref="PskException">The slot is empty, damaged, or names no address for DTLS.</exception>
        public DatagramApplication(Vault vault, int slot, DatagramSettings settings, IBoard board, IDatagramListener listener, IClock clock, Random random)
        {
            _vault = vault;
            _slot = slot;
            _settings = settings;
            _board = board;
            _listener = listener;
            _clock = clock;
            _random = random;
            _backOff = new BackOff(settings.FirstRetry, settings.LongestRetry, random);
            CredentialBundle credential = vault.Require(slot);
            _deviceId = credential.DeviceId;
            _address = ServerAddress.OfDatagrams(credential);
        }

        /// <summary>The name of the device.</summary>
        public string DeviceId
        {
            get { return _deviceId; }
        }

        /// <summary>Where the messages go.</summary>
        public ServerAddress Address
        {
            get { return _address; }
        }

        /// <summary>Runs until all messages are answered, or somebody ends it.</summary>
        /// <returns>True if the server took all messages that were to be sent.</returns>
        public bool Run()
        {
            bool complete = true;
            int counter = 0;
            while (!IsStopping() && (_settings.Count == 0 || counter < _settings.Count))
            {
                byte[] message = TelemetryMessage.Measure(_deviceId, counter + 1, _board);
                if (!TryDeliver(counter + 1, message, ref complete))
                {
                    return _settings.Count == 0 && IsStopping();
                }

                counter++;
                if (_settings.Sleeps)
                {
                    FallAsleep();
                }

                if (_settings.Count == 0 || counter < _settings.Count)
                {
                    _clock.Wait(_stop, _settings.Interval);
                }
            }

            CloseSession();
            return complete && (_settings.Count == 0 ? IsStopping() : counter == _settings.Count);
        }

        /// <summary>Ends the application soon; from any thread.</summary>
        public void Stop()
        {
            lock (_lock)
            {
                _stopping = true;
                if (_wire != null)
                {
                    _wire.Close();
                }
            }

            _stop.Set();
        }

        /// <summary>As <see cref="Stop"/>.</summary>
        public void Dispose()
        {
            Stop();
        }

        // Tries until the server answers; false if it is not to be tried again.
        private bool TryDeliver(int sequence, byte[] message, ref bool complete)
        {
            for (; ;)
            {
                try
                {
                    EnsureSession();
                    CoapResponse response = _client.Request(CoapCode.Post, _settings.Path, message);
                    _backOff.Reset();
                    complete &= response.IsSuccess;
                    _listener.OnAnswered(sequence, response);
                    return true;
                }
                catch (PskException problem)
                {
                    // Whatever it was, the next attempt begins with a handshake.
                    CloseSession();
                    if (IsStopping())
                    {
                        return false;
                    }

                    int wait = !_settings.Reconnect ? -1 : problem.IsPermanent ? _backOff.Longest() : _backOff.Next();
                    _listener.OnFailed(problem, wait);
                    if (wait < 0)
                    {
                        return false;
                    }

                    _clock.Wait(_stop, wait);
                    if (IsStopping())
                    {
                        return false;
                    }
                }
            }
        }

        // Each wake-up has a socket of its own: to the server the device may come from another address.
        private void EnsureSession()
        {
            if (_session != null)
            {
                return;
            }

            UdpChannel wire = UdpChannel.Open(_address);
            lock (_lock)
            {
                _wire = wire;
                if (_stopping)
                {
                    wire.Close();
                }
            }

            _session = PskDatagramSession.Wake(wire, _vault, _slot, _settings.Session, _clock);
            if (_session == null)
            {
                _session = PskDatagramSession.Connect(wire, _vault, _slot, _settings.Session, _clock);
            }

            _client = new CoapClient(_session, _session.Info.MaxMessage, _clock, _random);
            _client.AcknowledgementTimeout = _settings.AcknowledgementTimeout;
            if (_messageId >= 0)
            {
                _client.NextMessageId = _messageId;
            }

            _listener.OnConnected(_session.Info);
        }

        private void FallAsleep()
        {
            _messageId = _client.NextMessageId;
            PskDatagramSession session = _session;
            _session = null;
            try
            {
                session.Sleep();
            }
            catch (PskException problem)
            {
                // The message has arrived; the next one needs a handshake.
                _listener.OnFailed(problem, _settings.Interval);
            }
        }

        private void CloseSession()
        {
            if (_session != null)
            {
                _messageId = _client.NextMessageId;
                _session.Dispose();
                _session = null;
            }

            lock (_lock)
            {
                if (_wire != null)
                {
                    _wire.Close();
                }

                _wire = null;
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
