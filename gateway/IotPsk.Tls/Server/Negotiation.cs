using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Server;

/// <summary>What the server has settled so far.</summary>
internal struct Negotiation
{
    public PskKeyExchangeMode Mode;
    public NamedGroup Group;

    /// <summary>The group is common, but its share did not come.</summary>
    public bool NeedsRetry;

    public ReadOnlyMemory<byte> ApplicationProtocol;

    /// <summary>Null until the PSK and with it the hash is known.</summary>
    public CipherSuiteParameters? Suite;

    public PskBinder Binder;

    /// <summary>The identity's place in the first ClientHello.</summary>
    public int IdentityIndex;

    /// <summary>What the owner said beside the key.</summary>
    public PskTerms Terms;

    /// <summary>Of the ticket that is resumed.</summary>
    public long ChainStart;
}
