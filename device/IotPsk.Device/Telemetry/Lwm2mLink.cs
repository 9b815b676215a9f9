using System;

namespace IotPsk.Device
{
    /// <summary>LwM2M behind a <see cref="TelemetryClient"/>.</summary>
    internal sealed class Lwm2mLink : TelemetryLink, ILwm2mListener, IDeviceActions
    {
        // One step of the device's work, in milliseconds: how late it notices that it is to stop.
        private const int Step = 250;
        private const int DeregistrationTime = 5000;

        private static readonly byte[] Nothing = { };

        private readonly TelemetryClient _client;
        private readonly IDatagramConnector _connector;
        private readonly ITelemetryListener _listener;
        private readonly Lwm2mClient _device;
        private IMessageSession _session;
        private TlsConnectionInfo _info;
        private bool _isLeaving;
        private bool _isSleeping;
        private bool _isAtRest;
        private int _sleepTime;
        private byte[] _state;

        internal Lwm2mLink(TelemetryClient client, IDatagramConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock, Random random)
        {
            _client = client;
            _connector = connector;
            _listener = listener;
            Lwm2mObject[] objects = options.Objects;
            if (objects == null)
            {
                DeviceObject device = new DeviceObject(this, clock);
                device.Serial = connector.DeviceId;
                objects = new Lwm2mObject[] { device, new TemperatureObject(1) };
            }

            _device = new Lwm2mClient(connector.DeviceId, objects, options.Lwm2m, this, clock, random);
            _device.ServerAddress = connector.ServerAddress;
            _device.Restore(options.State);
        }

        internal override string DeviceId
        {
            get { return _connector.DeviceId; }
        }

        internal override int Unacknowledged
        {
            get { return _device.Undelivered; }
        }

        internal override int FarewellTime
        {
            get { return DeregistrationTime; }
        }

        // After a sleep: what the device has to know when it wakes up.
        internal byte[] State
        {
            get { return _state; }
        }

        long IDeviceActions.FreeMemory
        {
            get { return -1; }
        }

        internal override int Send(string name, byte[] payload, int qualityOfService)
        {
            throw new ArgumentException("LwM2M has no topics: send a value by the path of its resource, such as 3303/0/5700.");
        }

        internal override int Send(string path, double value)
        {
            if (!Lwm2mPath.TryParse(path, out Lwm2mPath parsed))
            {
                throw new ArgumentException("A value has the path of a resource, such as 3303/0/5700.");
            }

            lock (_client.Gate)
            {
                _client.ThrowIfEnded();
            }

            return _device.Report(parsed, value);
        }

        internal override void Carry()
        {
            IMessageSession session = _connector.Connect(out TlsConnectionInfo info, out bool isResumed);
            _info = info;
            lock (_client.Gate)
            {
                _session = session;
            }

            _device.Attach(session, info == null ? Lwm2mClient.DefaultMaxMessage : info.MaxMessage, isResumed);
            if (_device.IsRegistered)
            {
                ((ILwm2mListener)this).OnRegistered(null);
            }

            while (!IsLeaving())
            {
                _device.Run(Step);
            }

            if (!_isSleeping)
            {
                _device.Deregister();
            }

            _isAtRest = true;
            throw new PskException(PskError.Closed);
        }

        internal override void Leave()
        {
            IMessageSession session;
            bool isAsleep;
            lock (_client.Gate)
            {
                session = _session;
                _session = null;
                // An association over which something was not acknowledged may be lost at the server: the next start makes another.
                isAsleep = _isSleeping && _isAtRest && session != null && _client.IsConnected;
            }

            // Before the association is saved: it tells the next message id.
            _device.Detach();
            if (session == null)
            {
                return;
            }

            if (!isAsleep)
            {
                session.Dispose();
                return;
            }

            try
            {
                session.Sleep();
            }
            catch (PskException problem)
            {
                // The next start makes a handshake.
                _listener.OnDisconnected(problem, _sleepTime);
            }
        }

        internal override void Farewell()
        {
            _isLeaving = true;
            if (_session == null)
            {
                _connector.Cancel();
            }
        }

        internal override void Cancel()
        {
            _connector.Cancel();
        }

        // With the client's lock held.
        internal void FallAsleep(int milliseconds)
        {
            _isSleeping = true;
            _sleepTime = milliseconds;
        }

        // Once the thread has ended.
        internal void KeepState()
        {
            _state = _device.Save(_sleepTime);
        }

        void ILwm2mListener.OnRegistered(string location)
        {
            lock (_client.Gate)
            {
                if (_client.IsConnected)
                {
                    return;
                }
            }

            _client.TellConnected(_info);
            lock (_client.Gate)
            {
                _client.BecomeConnected();
            }
        }

        void ILwm2mListener.OnDelivered(int sequence)
        {
            _listener.OnAcknowledged(sequence);
            _client.TellProgress();
        }

        void IDeviceActions.Reboot()
        {
            _listener.OnCommand("reboot", Nothing);
        }

        private bool IsLeaving()
        {
            lock (_client.Gate)
            {
                return _isLeaving;
            }
        }
    }
}
