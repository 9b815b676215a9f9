using System.Text;

namespace IotPsk.Device.App
{
    /// <summary>One measurement as JSON.</summary>
    public static class TelemetryMessage
    {
        /// <summary>The name of its topic below the device's own.</summary>
        public const string TopicName = "telemetry";

        /// <summary>Measures, and writes it down.</summary>
        /// <param name="deviceId">The device, whose id needs no escaping in JSON.</param>
        /// <param name="counter">The number of the measurement, from 1.</param>
        /// <param name="board">The board.</param>
        /// <returns>JSON in UTF-8: device, seq, temperature in degrees Celsius (null without a sensor), uptime in seconds, free memory in bytes.</returns>
        public static byte[] Measure(string deviceId, int counter, IBoard board)
        {
            string temperature = board.TryReadTemperature(out int tenths) ? Decimal(tenths) : "null";
            return Encoding.UTF8.GetBytes("{\"device\":\"" + deviceId + "\",\"seq\":" + counter.ToString()
                + ",\"temperature\":" + temperature
                + ",\"uptime\":" + (board.Uptime / 1000).ToString()
                + ",\"memory\":" + board.FreeMemory.ToString() + "}");
        }

        private static string Decimal(int tenths)
        {
            int size = tenths < 0 ? -tenths : tenths;
            return (tenths < 0 ? "-" : "") + (size / 10).ToString() + "." + (size % 10).ToString();
        }
    }
}
