using System.Buffers;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Client;

/// <summary>What one client offers, with the secrets behind it, from the first ClientHello to the ServerHello.</summary>
internal sealed class ClientOffer : IDisposable
{
    private readonly List<KeyAgreement> _keys = new(2);
    private byte[]? _hello;
    private int _helloLength;

    public ClientOffer(PskTlsClientOptions options, CryptoProvider crypto)
    {
        Options = options;
        Crypto = crypto;
        Tls12CipherSuites = OffersTls12 ? [.. options.Tls12CipherSuites.Where(suite => Tls12Suite.TryGet(suite, out Tls12Suite? row) && crypto.Supports(row.Aead))] : [];
        Tls12Credential = OffersTls12 ? SelectTls12Credential(options) : null;
        CipherSuites = [.. options.CipherSuites.Where(suite => CipherSuiteParameters.TryGet(suite, out CipherSuiteParameters? row) && crypto.Supports(row.Aead))];
        Groups = [.. options.Groups.Where(crypto.Supports)];
        if (NeedsGroups && Groups.Count == 0)
            throw new ArgumentException("the cryptographic library has none of the groups", nameof(options));
        Credentials = [.. options.Credentials.Where(credential => CipherSuites.Any(suite => HashOf(suite) == credential.Hash))];
        if (OffersTls13 && Credentials.Count == 0)
            throw new ArgumentException("no offered cipher suite has the hash of an offered PSK", nameof(options));
        if (ClientHelloWriter.MaxLength(this) + Messages.ServerHello.MaxBodyLength > ushort.MaxValue)
            throw new ArgumentException("identities, ticket and application protocols do not fit in a ClientHello", nameof(options));
    }

    public PskTlsClientOptions Options { get; }

    /// <summary>What a hello of DTLS has beside; null over TLS.</summary>
    public DatagramOffer? Datagram { get; init; }

    public CryptoProvider Crypto { get; }

    /// <summary>Those of the options that the library has.</summary>
    public IReadOnlyList<CipherSuite> CipherSuites { get; }

    /// <summary>Those of the options that the library has.</summary>
    public IReadOnlyList<NamedGroup> Groups { get; }

    public bool OffersTls13 => Options.Versions.Contains(TlsProtocol.Tls13);

    public bool OffersTls12 => Options.Versions.Contains(TlsProtocol.Tls12);

    /// <summary>Those of the options that the library has; empty if TLS 1.2 is not offered.</summary>
    public IReadOnlyList<CipherSuite> Tls12CipherSuites { get; }

    /// <summary>The key of TLS 1.2; null if that is not offered.</summary>
    public PskTlsCredential? Tls12Credential { get; }

    /// <summary>True if either version may need a group.</summary>
    public bool NeedsGroups => (OffersTls13 && OffersDheKe) || Options.OffersEcdhePsk;

    public byte[] Random { get; } = new byte[Messages.ClientHello.RandomLength];

    /// <summary>Empty without the compatibility mode.</summary>
    public byte[] SessionId { get; private set; } = [];

    /// <summary>The offered PSKs; after a HelloRetryRequest only those of its suite's hash.</summary>
    public IReadOnlyList<PskTlsCredential> Credentials { get; private set; }

    public IReadOnlyList<KeyAgreement> Keys => _keys;

    /// <summary>The extension a HelloRetryRequest wants back.</summary>
    public byte[]? Cookie { get; set; }

    /// <summary>The hello as sent, until the hash of the transcript is known.</summary>
    public ReadOnlySpan<byte> Hello => _hello.AsSpan(0, _helloLength);

    public bool OffersDheKe => Options.KeyExchangeModes.Contains(PskKeyExchangeMode.PskDheKe);

    public bool OffersKe => Options.KeyExchangeModes.Contains(PskKeyExchangeMode.PskKe);

    /// <summary>The randoms and the keys of the first hello.</summary>
    public void Prepare()
    {
        Crypto.FillRandom(Random);
        if (Options.MiddleboxCompatibility && OffersTls13)
        {
            SessionId = new byte[Messages.ClientHello.MaxSessionIdLength];
            Crypto.FillRandom(SessionId);
        }

        // RFC 5077 s3.4: by its echo the client sees that the server took the ticket.
        if (OffersTls12 && Options.OfferedTicket is { } ticket)
        {
            SessionId = ticket.IsSessionId ? ticket.Ticket.ToArray() : new byte[Messages.ClientHello.MaxSessionIdLength];
            if (!ticket.IsSessionId)
                Crypto.FillRandom(SessionId);
        }

        if (!OffersDheKe || !OffersTls13)
            return;
        foreach (NamedGroup group in Options.KeyShareGroups ?? [Groups[0]])
        {
            if (Groups.Contains(group))
                _keys.Add(Crypto.CreateKeyAgreement(group));
        }
    }

    /// <summary>The one key a HelloRetryRequest asked for.</summary>
    public void ReplaceKeys(NamedGroup group)
    {
        DropKeys();
        _keys.Add(Crypto.CreateKeyAgreement(group));
    }

    public KeyAgreement? Key(NamedGroup group) => _keys.Find(key => key.Group == group);

    /// <summary>RFC 8446 s4.1.4: PSKs of another hash than the selected suite's go.</summary>
    public void KeepCredentials(TlsHash hash) => Credentials = [.. Credentials.Where(credential => credential.Hash == hash)];

    /// <summary>A buffer for a hello, which stays until <see cref="Dispose"/>.</summary>
    public Span<byte> RentHello(int length)
    {
        ReturnHello();
        _hello = ArrayPool<byte>.Shared.Rent(length);
        return _hello;
    }

    public void SetHelloLength(int length) => _helloLength = length;

    public void Dispose()
    {
        ReturnHello();
        DropKeys();
    }

    /// <summary>RFC 9258 s5.1: nothing is imported for TLS 1.2.</summary>
    private static PskTlsCredential SelectTls12Credential(PskTlsClientOptions options) =>
        options.Tls12Credential ?? options.Credentials.FirstOrDefault(credential => credential.Binder == PskBinder.External)
        ?? throw new ArgumentException("no offered PSK is external, as TLS 1.2 needs it", nameof(options));

    private static TlsHash? HashOf(CipherSuite suite) => CipherSuiteParameters.TryGet(suite, out CipherSuiteParameters? parameters) ? parameters.Hash : null;

    private void ReturnHello()
    {
        if (_hello is not null)
            ArrayPool<byte>.Shared.Return(_hello);
        _hello = null;
        _helloLength = 0;
    }

    private void DropKeys()
    {
        foreach (KeyAgreement key in _keys)
            key.Dispose();
        _keys.Clear();
    }
}
