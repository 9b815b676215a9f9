namespace IotPsk.Device
{
    /// <summary>Why something failed. Codes from -1 to -199 are those of the TLS core and the vault, others are this library's.</summary>
    public enum PskError
    {
        /// <summary>Nothing failed.</summary>
        None = 0,

        /// <summary>An argument is null or out of range.</summary>
        Argument = -1,

        /// <summary>The vault or session is not open.</summary>
        Handle = -2,

        /// <summary>There is not enough memory.</summary>
        Memory = -3,

        /// <summary>The platform delivers no random numbers.</summary>
        Random = -4,

        /// <summary>The handshake is not complete.</summary>
        NotConnected = -5,

        /// <summary>The build or the credential does not have the protocol.</summary>
        Unsupported = -6,

        /// <summary>A buffer is too small.</summary>
        Buffer = -7,

        /// <summary>The TLS library failed.</summary>
        Internal = -8,

        /// <summary>The vault slot is empty: the device is not provisioned.</summary>
        NoCredential = -10,

        /// <summary>What the vault slot holds does not match its digest.</summary>
        VaultCorrupt = -11,

        /// <summary>The vault's store cannot be read or written.</summary>
        VaultIo = -12,

        /// <summary>The vault has no room left.</summary>
        VaultFull = -13,

        /// <summary>No association was saved that can be used: a handshake is needed.</summary>
        NoAssociation = -14,

        /// <summary>The connection was ended by close_notify, or closed here.</summary>
        Closed = -20,

        /// <summary>The server does not know the device, or the key is wrong (decrypt_error).</summary>
        Refused = -21,

        /// <summary>The server does not know the device (unknown_psk_identity).</summary>
        UnknownIdentity = -22,

        /// <summary>The server found no suite, group or key exchange mode that it allows.</summary>
        NoCommonParameters = -23,

        /// <summary>The server does not speak the protocol version.</summary>
        Version = -24,

        /// <summary>The server reports a fault of its own.</summary>
        ServerFault = -25,

        /// <summary>The server sent another fatal alert.</summary>
        Alert = -26,

        /// <summary>The server broke the TLS protocol.</summary>
        Protocol = -27,

        /// <summary>A record of the server does not authenticate.</summary>
        BadRecord = -28,

        /// <summary>A record of the server is larger than the limit it was given.</summary>
        RecordSize = -29,

        /// <summary>The server wants new keys (KeyUpdate), which the TLS core cannot make; a new connection has them.</summary>
        KeyUpdate = -30,

        /// <summary>The server answered none of the datagrams of a handshake: it is away, or does not know the device or its key.</summary>
        NoAnswer = -31,

        /// <summary>A message does not fit one record of DTLS.</summary>
        TooLong = -32,

        /// <summary>Re-keying: the device has the key of the newest epoch already.</summary>
        RekeyCurrent = -51,

        /// <summary>Re-keying: the device was given a new key less than an hour ago.</summary>
        RekeyTooSoon = -52,

        /// <summary>Re-keying: others know the key of the device, so it needs a credential by another way.</summary>
        RekeyCompromised = -53,

        /// <summary>Re-keying: the gateway gives no new key to this device, or not over such a session.</summary>
        RekeyUnfit = -54,

        /// <summary>Re-keying: the gateway cannot make the key now.</summary>
        RekeyLater = -55,

        /// <summary>Re-keying: the gateway does not accept the request.</summary>
        RekeyRequest = -56,

        /// <summary>Re-keying: the server does not offer new keys.</summary>
        NoRekeying = -60,

        /// <summary>Re-keying: the credential that came is of another device or fleet, or not newer.</summary>
        RekeyForeign = -61,

        /// <summary>It is no credential bundle; -100 - k names its field k.</summary>
        Bundle = -100,

        /// <summary>The time allowed for it is over.</summary>
        TimedOut = -200,

        /// <summary>The name of the server cannot be resolved.</summary>
        NameResolution = -201,

        /// <summary>Nothing answers at the address of the server.</summary>
        Unreachable = -202,

        /// <summary>The connection broke without close_notify.</summary>
        ConnectionLost = -203,

        /// <summary>The MQTT server refused the connection.</summary>
        MqttRefused = -210,

        /// <summary>The MQTT server sent what MQTT 3.1.1 does not allow.</summary>
        MqttProtocol = -211,

        /// <summary>The MQTT server stopped answering.</summary>
        MqttSilent = -212,

        /// <summary>The MQTT server refused a subscription.</summary>
        SubscriptionRefused = -213,

        /// <summary>The MQTT server is not available now; the one in front of it is.</summary>
        MqttUnavailable = -215,

        /// <summary>Too many messages wait for their acknowledgement.</summary>
        WindowFull = -214,

        /// <summary>The credential file cannot be read, overwritten or erased.</summary>
        CredentialFile = -220,

        /// <summary>The CoAP server did not acknowledge: it may have lost the association, so the next one needs a handshake.</summary>
        CoapSilent = -240,

        /// <summary>The CoAP server rejected a message (RST).</summary>
        CoapRejected = -241,

        /// <summary>The LwM2M server refused the registration.</summary>
        Lwm2mRefused = -242,

        /// <summary>The LwM2M server cannot register the device now.</summary>
        Lwm2mUnavailable = -243,

        /// <summary>A handler of the application threw an exception.</summary>
        HandlerFailed = -230,
    }
}
