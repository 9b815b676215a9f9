namespace IotPsk.Device
{
    /// <summary>What a handshake of TLS or DTLS agreed on.</summary>
    public sealed class TlsConnectionInfo
    {
        internal const int VersionItem = 0;
        internal const int SuiteItem = 1;
        internal const int KeyExchangeItem = 2;
        internal const int SentItem = 3;
        internal const int ReceivedItem = 4;
        internal const int ImportedItem = 5;
        internal const int ResumedItem = 7;
        internal const int ConnectionIdItem = 9;
        internal const int MaxMessageItem = 10;
        internal const int ItemCount = 11;

        private readonly int[] _items;

        internal TlsConnectionInfo(int[] items)
        {
            _items = items;
        }

        /// <summary>The protocol version as it goes on the wire: 0x0304 for TLS 1.3, 0xfefd for DTLS 1.2.</summary>
        public int Version
        {
            get { return _items[VersionItem]; }
        }

        /// <summary>The IANA number of the cipher suite.</summary>
        public int CipherSuite
        {
            get { return _items[SuiteItem]; }
        }

        /// <summary>Whether fresh Diffie-Hellman shares went into the keys (psk_dhe_ke, ECDHE_PSK): recordings stay safe when the key leaks.</summary>
        public bool HasForwardSecrecy
        {
            get { return _items[KeyExchangeItem] == 1; }
        }

        /// <summary>Whether the key is an imported one (RFC 9258).</summary>
        public bool IsImported
        {
            get { return _items[ImportedItem] == 1; }
        }

        /// <summary>Whether the session goes on from an earlier one: by a ticket (RFC 8446 s2.2), in DTLS as a saved association.</summary>
        public bool IsResumed
        {
            get { return _items[ResumedItem] == 1; }
        }

        /// <summary>Bytes sent up to and with the Finished message.</summary>
        public int HandshakeBytesSent
        {
            get { return _items[SentItem]; }
        }

        /// <summary>Bytes received up to and with the Finished message.</summary>
        public int HandshakeBytesReceived
        {
            get { return _items[ReceivedItem]; }
        }

        /// <summary>Whether datagrams find their server by a connection id (RFC 9146), from whatever address they come.</summary>
        public bool HasConnectionId
        {
            get { return _items[ConnectionIdItem] > 0; }
        }

        /// <summary>The longest message of a DTLS session, in bytes; negative for TLS.</summary>
        public int MaxMessage
        {
            get { return _items[MaxMessageItem]; }
        }

        /// <summary>The version in words, e.g. "TLSv1.3".</summary>
        public string VersionName
        {
            get { return Version == PskTlsStream.Tls13 ? "TLSv1.3" : IsDatagram ? "DTLSv1.2" : Version.ToString(); }
        }

        /// <summary>The key exchange mode as RFC 8446 s4.2.9 calls it, or that of the DTLS 1.2 suite.</summary>
        public string KeyExchangeName
        {
            get { return IsDatagram ? (HasForwardSecrecy ? "ECDHE_PSK" : "PSK") : HasForwardSecrecy ? "psk_dhe_ke" : "psk_ke"; }
        }

        /// <summary>The cipher suite as the IANA calls it, or its number.</summary>
        public string CipherSuiteName
        {
            get
            {
                switch (CipherSuite)
                {
                    case 0x1301: return "TLS_AES_128_GCM_SHA256";
                    case 0x1302: return "TLS_AES_256_GCM_SHA384";
                    case 0x1303: return "TLS_CHACHA20_POLY1305_SHA256";
                    case 0x1304: return "TLS_AES_128_CCM_SHA256";
                    case 0x1305: return "TLS_AES_128_CCM_8_SHA256";
                    case 0x00a8: return "TLS_PSK_WITH_AES_128_GCM_SHA256";
                    case 0xc0a4: return "TLS_PSK_WITH_AES_128_CCM";
                    case 0xc0a8: return "TLS_PSK_WITH_AES_128_CCM_8";
                    case 0xccac: return "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
                    default: return CipherSuite.ToString();
                }
            }
        }

        private bool IsDatagram
        {
            get { return Version == PskDatagramSession.Dtls12; }
        }
    }
}
