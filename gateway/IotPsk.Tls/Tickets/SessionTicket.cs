using IotPsk.Tls.Crypto;

namespace IotPsk.Tls;

/// <summary>An opened ticket, with what the server once put into it. The key lies in native memory and is zeroed by <see cref="Dispose"/>.</summary>
public sealed class SessionTicket : IDisposable
{
    private readonly byte[] _payload;
    private readonly SecretBuffer _psk;

    internal SessionTicket(ReadOnlySpan<byte> psk, ReadOnlySpan<byte> payload)
    {
        _psk = new SecretBuffer(psk);
        _payload = payload.ToArray();
    }

    /// <summary>When the ticket was made, in seconds since 1970 by the server's clock.</summary>
    public long IssuedAt { get; internal init; }

    /// <summary>When the chain of resumptions began with an external PSK, in seconds since 1970 by the server's clock.</summary>
    public long ChainStart { get; internal init; }

    /// <summary>The version of the session it was made in.</summary>
    public TlsProtocol Version { get; internal init; }

    /// <summary>The key exchange mode of the session it was made in.</summary>
    public PskKeyExchangeMode KeyExchangeMode { get; internal init; }

    /// <summary>The hash of the key.</summary>
    public TlsHash Hash { get; internal init; }

    /// <summary>The suite of the session in TLS 1.2, which a resumed one has too; <see cref="CipherSuite.None"/> in TLS 1.3.</summary>
    public CipherSuite CipherSuite { get; internal init; }

    /// <summary>What the owner gave in <see cref="PskTerms.TicketPayload"/>.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    internal ReadOnlySpan<byte> Psk => _psk.Span;

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => _psk.Dispose();
}
