namespace IotPsk.Device.App
{
    /// <summary>How often the application measures.</summary>
    public sealed class TelemetrySettings
    {
        /// <summary>How many messages are sent; 0 is no end.</summary>
        public int Count { get; set; }

        /// <summary>Milliseconds from one message to the next.</summary>
        public int Interval { get; set; } = 60000;

        /// <summary>How long the last messages may wait for their acknowledgement, in milliseconds.</summary>
        public int LastWait { get; set; } = 30000;
    }
}
