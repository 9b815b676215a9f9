namespace IotPsk.Device.App
{
    /// <summary>How the application behaves.</summary>
    public sealed class TelemetrySettings
    {
        /// <summary>The longest time from one message to the next, in milliseconds: a day.</summary>
        public const int LongestInterval = 86400000;

        /// <summary>What its client speaks.</summary>
        public TelemetryProtocol Protocol { get; set; }

        /// <summary>How many messages are sent; 0 is no end. A device that sleeps sends one and sleeps.</summary>
        public int Count { get; set; }

        /// <summary>Milliseconds from one message to the next.</summary>
        public int Interval { get; set; } = 60000;

        /// <summary>How long the last messages may wait for their acknowledgement, in milliseconds.</summary>
        public int LastWait { get; set; } = 30000;

        /// <summary>Whether the device sleeps deeply after each message.</summary>
        public bool Sleeps { get; set; }

        /// <summary>With <see cref="Sleeps"/>: how long it listens to the server before it sleeps, in milliseconds.</summary>
        public int AwakeTime { get; set; } = 2000;

        /// <summary>How long joining the network may take each time, in milliseconds.</summary>
        public int NetworkTimeout { get; set; } = 30000;
    }
}
