namespace IotPsk.Tls;

/// <summary>What the two ends agreed on. It holds no secret.</summary>
public sealed class PskTlsSession
{
    internal PskTlsSession()
    {
    }

    /// <summary>The protocol version.</summary>
    public TlsProtocol Version { get; internal init; }

    /// <summary>The cipher suite.</summary>
    public CipherSuite CipherSuite { get; internal init; }

    /// <summary>
    /// The key exchange mode; <see cref="PskKeyExchangeMode.PskKe"/> has no forward secrecy. In TLS 1.2 it stands for PSK (RFC 4279), and
    /// <see cref="PskKeyExchangeMode.PskDheKe"/> for ECDHE_PSK (RFC 5489).
    /// </summary>
    public PskKeyExchangeMode KeyExchangeMode { get; internal init; }

    /// <summary>The group of the key exchange, <see cref="NamedGroup.None"/> in psk_ke.</summary>
    public NamedGroup Group { get; internal init; }

    /// <summary>The kind of the PSK.</summary>
    public PskBinder Binder { get; internal init; }

    /// <summary>The place of the selected identity among those of the first ClientHello, from 0.</summary>
    public int IdentityIndex { get; internal init; }

    /// <summary>Wire bytes received up to and including the Finished flights.</summary>
    public int HandshakeBytesReceived { get; internal init; }

    /// <summary>Wire bytes sent up to and including the Finished flights.</summary>
    public int HandshakeBytesSent { get; internal init; }

    /// <summary>
    /// The most that the peer takes in one record, content and content type in bytes (RFC 8449 s4); 16385 if it named no limit.
    /// In TLS 1.2 the content alone: 16384 if it named no limit.
    /// </summary>
    public int PeerRecordSizeLimit { get; internal init; }

    /// <summary>How many tickets the server sent right after the handshake; 0 at a client.</summary>
    public int TicketsIssued { get; internal init; }

    /// <summary>True if all secrets are bound to the whole handshake: by extended_master_secret (RFC 7627), and always in TLS 1.3.</summary>
    public bool HasExtendedMasterSecret { get; internal init; } = true;

    /// <summary>True after a HelloRetryRequest.</summary>
    public bool HelloRetried { get; internal init; }

    /// <summary>The selected application protocol (RFC 7301); empty if none was negotiated.</summary>
    public ReadOnlyMemory<byte> ApplicationProtocol { get; internal init; }
}
