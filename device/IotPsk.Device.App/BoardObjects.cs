namespace IotPsk.Device.App
{
    /// <summary>The LwM2M objects of a board: Device, Firmware Update if it can, Temperature.</summary>
    public sealed class BoardObjects : IDeviceActions
    {
        private readonly IBoard _board;
        private readonly DeviceObject _device;
        private readonly Lwm2mObject[] _objects;
        private readonly object _lock = new object();
        private TelemetryApplication _application;

        /// <summary>The objects.</summary>
        /// <param name="board">The board.</param>
        /// <param name="deviceId">The device, whose serial number that is.</param>
        /// <param name="clock">The clock.</param>
        public BoardObjects(IBoard board, string deviceId, IClock clock)
        {
            _board = board;
            _device = new DeviceObject(this, clock);
            _device.Serial = deviceId;
            _device.ModelNumber = board.Model;
            _device.Firmware = board.FirmwareVersion;
            TemperatureObject temperature = new TemperatureObject(1);
            IFirmwareSink sink = board.FirmwareSink;
            _objects = sink == null
                ? new Lwm2mObject[] { _device, temperature }
                : new Lwm2mObject[] { _device, new FirmwareObject(sink, board.LastUpdate), temperature };
        }

        /// <summary>For <see cref="TelemetryOptions.Objects"/>.</summary>
        /// <returns>The objects, in their order.</returns>
        public Lwm2mObject[] ToArray()
        {
            return _objects;
        }

        long IDeviceActions.FreeMemory
        {
            get { return _board.FreeMemory; }
        }

        void IDeviceActions.Reboot()
        {
            TelemetryApplication application;
            lock (_lock)
            {
                application = _application;
            }

            if (application != null)
            {
                application.Restart();
            }
        }

        // Who does what the server wants of the device.
        internal void Attach(TelemetryApplication application)
        {
            lock (_lock)
            {
                _application = application;
            }
        }

        internal void NoteSensorFault()
        {
            _device.AddError(DeviceObject.PeripheralMalfunction);
        }
    }
}
