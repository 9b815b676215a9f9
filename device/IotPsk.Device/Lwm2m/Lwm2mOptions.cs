using System;

namespace IotPsk.Device
{
    /// <summary>How a device is registered and reports.</summary>
    public sealed class Lwm2mOptions
    {
        /// <summary>For how many seconds a registration holds without an update, 30 to 31536000; the server may write another.</summary>
        public int Lifetime { get; set; } = 3600;

        /// <summary>Whether the device sleeps: requests of the server wait until it is heard (OMA LwM2M 1.1 s6.5).</summary>
        public bool IsQueueMode { get; set; }

        /// <summary>How many values may wait for their acknowledgement, 1 to 1000.</summary>
        public int RingSize { get; set; } = 32;

        /// <summary>Whether values that the server does not observe are sent by themselves (Send, OMA LwM2M 1.1 s6.4.7).</summary>
        public bool UseSend { get; set; } = true;

        /// <summary>The shortest wait for an acknowledgement before a message is sent again, in milliseconds (RFC 7252 s4.8, ACK_TIMEOUT).</summary>
        public int AcknowledgementTimeout { get; set; } = 2000;

        internal void Check()
        {
            if (Lifetime < 30 || Lifetime > 31536000 || RingSize < 1 || RingSize > 1000 || AcknowledgementTimeout < 1)
            {
                throw new ArgumentOutOfRangeException("options");
            }
        }
    }
}
