using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Object 3, Device (OMA LwM2M 1.1 appendix E.4).</summary>
    public sealed class DeviceObject : Lwm2mObject
    {
        /// <summary>The id of the object.</summary>
        public const int ObjectId = 3;

        /// <summary>Error code: none.</summary>
        public const int NoError = 0;

        /// <summary>Error code: a peripheral malfunctions, such as the sensor.</summary>
        public const int PeripheralMalfunction = 8;

        /// <summary>Error code: memory is short.</summary>
        public const int OutOfMemory = 4;

        private const int Manufacturer = 0;
        private const int Model = 1;
        private const int SerialNumber = 2;
        private const int FirmwareVersion = 3;
        private const int Reboot = 4;
        private const int MemoryFree = 10;
        private const int ErrorCode = 11;
        private const int ResetErrorCode = 12;
        private const int CurrentTime = 13;
        private const int UtcOffset = 14;
        private const int SupportedBinding = 16;
        private const int ErrorsMax = 8;

        private static readonly int[] Resources =
        {
            Manufacturer, ResourceTraits.Text | ResourceTraits.Read,
            Model, ResourceTraits.Text | ResourceTraits.Read,
            SerialNumber, ResourceTraits.Text | ResourceTraits.Read,
            FirmwareVersion, ResourceTraits.Text | ResourceTraits.Read,
            Reboot, ResourceTraits.Execute,
            MemoryFree, ResourceTraits.WholeNumber | ResourceTraits.Read,
            ErrorCode, ResourceTraits.WholeNumber | ResourceTraits.Read | ResourceTraits.Multiple,
            ResetErrorCode, ResourceTraits.Execute,
            CurrentTime, ResourceTraits.Time | ResourceTraits.Read | ResourceTraits.Write,
            UtcOffset, ResourceTraits.Text | ResourceTraits.Read | ResourceTraits.Write,
            SupportedBinding, ResourceTraits.Text | ResourceTraits.Read,
        };

        private readonly IDeviceActions _actions;
        private readonly IClock _clock;
        private readonly int[] _errors = new int[ErrorsMax];
        private int _errorCount = 1;
        private string _utcOffset;

        // Seconds since 1970 when the clock stood at 0; a board does not know them until the server tells.
        private long _epoch;
        private bool _hasTime;

        /// <summary>The object.</summary>
        /// <param name="actions">What the board does.</param>
        /// <param name="clock">The uptime, from which the time is counted once the server told it.</param>
        public DeviceObject(IDeviceActions actions, IClock clock)
            : base(ObjectId, "1.1", 1, Resources)
        {
            _actions = actions;
            _clock = clock;
        }

        /// <summary>Who made the device.</summary>
        public string ManufacturerName { get; set; } = "IotPsk";

        /// <summary>The model, or null.</summary>
        public string ModelNumber { get; set; }

        /// <summary>The serial number, or null.</summary>
        public string Serial { get; set; }

        /// <summary>The version of the firmware, or null.</summary>
        public string Firmware { get; set; }

        /// <summary>Notes a fault, for the server to read.</summary>
        /// <param name="code">1 to 8, as <see cref="PeripheralMalfunction"/>.</param>
        public void AddError(int code)
        {
            bool isKnown = code == NoError;
            for (int i = 0; i < _errorCount; i++)
            {
                isKnown |= _errors[i] == code;
            }

            if (isKnown)
            {
                return;
            }

            // "No error" gives way to the first one.
            int at = _errorCount == 1 && _errors[0] == NoError ? 0 : _errorCount;
            if (at < ErrorsMax)
            {
                _errors[at] = code;
                _errorCount = at + 1;
                Changed(0, ErrorCode);
            }
        }

        /// <inheritdoc/>
        public override int GetCount(int instance, int resource)
        {
            return resource == ErrorCode ? _errorCount : 1;
        }

        /// <inheritdoc/>
        public override bool Read(int instance, int resource, int index, SenmlRecord value)
        {
            switch (resource)
            {
                case Manufacturer: return Give(value, ManufacturerName);
                case Model: return Give(value, ModelNumber);
                case SerialNumber: return Give(value, Serial);
                case FirmwareVersion: return Give(value, Firmware);
                case MemoryFree: return Give(value, _actions.FreeMemory / 1024) && _actions.FreeMemory >= 0;
                case ErrorCode: return Give(value, _errors[index]);
                case CurrentTime: return Give(value, _epoch + (_clock.Now / 1000)) && _hasTime;
                case UtcOffset: return Give(value, _utcOffset);
                default: return Give(value, "U");
            }
        }

        /// <inheritdoc/>
        public override CoapCode Check(int instance, int resource, SenmlRecord value)
        {
            bool right = resource == CurrentTime ? value.WholeNumber >= 0 : value.Text.Length <= 6;
            return right ? CoapCode.Changed : CoapCode.BadRequest;
        }

        /// <inheritdoc/>
        public override void Write(int instance, int resource, SenmlRecord value)
        {
            if (resource == CurrentTime)
            {
                _epoch = value.WholeNumber - (_clock.Now / 1000);
                _hasTime = true;
            }
            else
            {
                _utcOffset = value.Text;
            }

            Changed(instance, resource);
        }

        /// <inheritdoc/>
        public override CoapCode Execute(int instance, int resource, string arguments)
        {
            if (resource == Reboot)
            {
                _actions.Reboot();
            }
            else
            {
                _errorCount = 1;
                _errors[0] = NoError;
                Changed(instance, ErrorCode);
            }

            return CoapCode.Changed;
        }
    }
}
