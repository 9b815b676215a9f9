using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Object 3303, Temperature: the last value of a sensor, and the least and the largest it measured.</summary>
    public sealed class TemperatureObject : Lwm2mObject
    {
        /// <summary>The id of the object.</summary>
        public const int ObjectId = 3303;

        /// <summary>The resource with the value.</summary>
        public const int SensorValue = 5700;

        private const int MinMeasured = 5601;
        private const int MaxMeasured = 5602;
        private const int ResetMinAndMax = 5605;
        private const int SensorUnits = 5701;

        private static readonly int[] Resources =
        {
            MinMeasured, ResourceTraits.Number | ResourceTraits.Read,
            MaxMeasured, ResourceTraits.Number | ResourceTraits.Read,
            ResetMinAndMax, ResourceTraits.Execute,
            SensorValue, ResourceTraits.Number | ResourceTraits.Read,
            SensorUnits, ResourceTraits.Text | ResourceTraits.Read,
        };

        private readonly double[] _last;
        private readonly double[] _least;
        private readonly double[] _most;

        /// <summary>The object.</summary>
        /// <param name="sensors">How many sensors there are, from 1: an instance each.</param>
        public TemperatureObject(int sensors)
            : base(ObjectId, null, sensors, Resources)
        {
            _last = new double[sensors];
            _least = new double[sensors];
            _most = new double[sensors];
            for (int i = 0; i < sensors; i++)
            {
                _last[i] = double.NaN;
                _least[i] = double.NaN;
                _most[i] = double.NaN;
            }
        }

        /// <summary>Takes a measured value.</summary>
        /// <param name="sensor">The sensor, from 0.</param>
        /// <param name="celsius">Degrees Celsius.</param>
        public void Measure(int sensor, double celsius)
        {
            bool isOther = celsius != _last[sensor];
            _last[sensor] = celsius;
            // Both are false while there is none.
            if (!(_least[sensor] <= celsius))
            {
                _least[sensor] = celsius;
                Changed(sensor, MinMeasured);
            }

            if (!(_most[sensor] >= celsius))
            {
                _most[sensor] = celsius;
                Changed(sensor, MaxMeasured);
            }

            if (isOther)
            {
                Changed(sensor, SensorValue);
            }
        }

        /// <inheritdoc/>
        public override bool Read(int instance, int resource, int index, SenmlRecord value)
        {
            switch (resource)
            {
                case MinMeasured: return Give(value, _least[instance]);
                case MaxMeasured: return Give(value, _most[instance]);
                case SensorUnits: return Give(value, "Cel");
                default: return Give(value, _last[instance]);
            }
        }

        /// <inheritdoc/>
        public override bool Report(int instance, int resource, double value)
        {
            if (resource != SensorValue)
            {
                return false;
            }

            Measure(instance, value);
            return true;
        }

        /// <inheritdoc/>
        public override CoapCode Execute(int instance, int resource, string arguments)
        {
            _least[instance] = _last[instance];
            _most[instance] = _last[instance];
            Changed(instance, MinMeasured);
            Changed(instance, MaxMeasured);
            return CoapCode.Changed;
        }
    }
}
