using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Client;

/// <summary>What the server has selected so far.</summary>
internal struct ClientDraft
{
    public PskTlsClientOptions Options;
    public CipherSuiteParameters Suite;
    public PskKeyExchangeMode Mode;
    public NamedGroup Group;
    public PskBinder Binder;
    public int IdentityIndex;
    public bool Retried;
    public ReadOnlyMemory<byte> ApplicationProtocol;

    /// <summary>For the key log.</summary>
    public byte[] ClientRandom;
}
