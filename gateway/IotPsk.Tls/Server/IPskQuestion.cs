using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Server;

/// <summary>A state that waits for the owner's answer about a key.</summary>
internal interface IPskQuestion
{
    TlsProtocol Protocol { get; }

    int IdentityCount { get; }

    ReadOnlySpan<byte> ClientRandom { get; }

    /// <summary>Empty in TLS 1.3, where the key comes before the ServerHello.</summary>
    ReadOnlySpan<byte> ServerRandom { get; }

    ReadOnlySpan<byte> Identity(int index);

    /// <summary>Whether a key of this hash can be used.</summary>
    bool HasCipherSuite(TlsHash hash, CryptoProvider crypto);

    /// <summary>Opens an identity that may be a ticket, and says whether it fits this handshake.</summary>
    TicketStatus OpenTicket(int index, long now, CryptoProvider crypto, out SessionTicket? ticket);

    void Provide(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, long chainStart);

    void Reject();

    void Fail();
}
