namespace IotPsk.Device.App
{
    /// <summary>How the application that speaks CoAP behaves.</summary>
    public sealed class DatagramSettings
    {
        /// <summary>How many messages are sent; 0 is no end.</summary>
        public int Count { get; set; }

        /// <summary>Milliseconds from one message to the next.</summary>
        public int Interval { get; set; } = 60000;

        /// <summary>The resource that measurements are posted to.</summary>
        public string Path { get; set; } = "/echo";

        /// <summary>Whether the association is saved after each message and the device then sleeps; else it stays awake.</summary>
        public bool Sleeps { get; set; }

        /// <summary>Whether a failed attempt is made again; without, the application ends with the first one.</summary>
        public bool Reconnect { get; set; } = true;

        /// <summary>The longest first wait before another attempt, in milliseconds.</summary>
        public int FirstRetry { get; set; } = 1000;

        /// <summary>The longest wait of all, in milliseconds.</summary>
        public int LongestRetry { get; set; } = 300000;

        /// <summary>The shortest wait for an acknowledgement before a message is sent again, in milliseconds (RFC 7252 s4.8, ACK_TIMEOUT).</summary>
        public int AcknowledgementTimeout { get; set; } = 2000;

        /// <summary>Of the association.</summary>
        public DatagramOptions Session { get; set; } = new DatagramOptions();
    }
}
