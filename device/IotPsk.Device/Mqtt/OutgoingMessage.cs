namespace IotPsk.Device
{
    /// <summary>A message on its way, kept until the server acknowledged it (QoS 1) or until it is sent (QoS 0).</summary>
    public sealed class OutgoingMessage
    {
        internal OutgoingMessage(int sequence, string topic, byte[] payload, int qualityOfService)
        {
            Sequence = sequence;
            Topic = topic;
            Payload = payload;
            QualityOfService = qualityOfService;
        }

        /// <summary>The number that sending it returned, from 1.</summary>
        public int Sequence { get; }

        /// <summary>The topic.</summary>
        public string Topic { get; }

        /// <summary>The payload.</summary>
        public byte[] Payload { get; }

        /// <summary>0: at most once; 1: at least once, and acknowledged.</summary>
        public int QualityOfService { get; }

        /// <summary>The packet identifier, 1 to 65535, once it is in the window.</summary>
        internal int PacketId { get; set; }

        /// <summary>It went out before: the next time it is a duplicate (MQTT 3.1.1 s3.3.1.1).</summary>
        internal bool WasSent { get; set; }

        /// <summary>When it went out over the connection of now; meaningless before.</summary>
        internal long SentAt { get; set; }

        /// <summary>It went out over the connection of now.</summary>
        internal bool IsOut { get; set; }
    }
}
