using System;

namespace IotPsk.Device
{
    /// <summary>What an application may choose of a DTLS session. Nothing here weakens its protection.</summary>
    public sealed class DatagramOptions
    {
        /// <summary>How long after its first datagram the handshake is tried again, in milliseconds, 100 to 60000; RFC 7925 s11 wants 9000.</summary>
        public int FirstTimeout { get; set; } = 9000;

        /// <summary>How long the handshake may take, in milliseconds.</summary>
        public int HandshakeTimeout { get; set; } = 130000;

        /// <summary>Asks for a connection id (RFC 9146) even if the credential does not say so.</summary>
        public bool UseConnectionId { get; set; }

        /// <summary>Uses ECDHE_PSK, which has forward secrecy and takes more work; the firmware may not have it.</summary>
        public bool UseEcdhe { get; set; }

        internal int Flags
        {
            get { return (UseConnectionId ? 4 : 0) + (UseEcdhe ? 8 : 0); }
        }

        internal void Check()
        {
            if (FirstTimeout < 100 || FirstTimeout > 60000 || HandshakeTimeout < 1)
            {
                throw new ArgumentOutOfRangeException("options");
            }
        }
    }
}
