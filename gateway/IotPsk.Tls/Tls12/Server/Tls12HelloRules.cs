using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using static IotPsk.Tls.Server.ClientHelloRules;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>What a ClientHello must keep for TLS 1.2, and what is selected from it.</summary>
internal static class Tls12HelloRules
{
    /// <summary>TLS_FALLBACK_SCSV (RFC 7507).</summary>
    private const ushort FallbackSuite = 0x5600;

    public static TlsErrorReason Check(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, out ServerNegotiation negotiation)
    {
        negotiation = default;

        // RFC 7507 s3: the client tried a better version before, and this side has it.
        ReadOnlySpan<byte> suites = hello.CipherSuites.Of(message);
        if (options.AllowTls13 && Offers(suites, (CipherSuite)FallbackSuite))
            return TlsErrorReason.InappropriateFallback;

        // RFC 5246 s7.4.1.2: the null method is among them.
        if (!hello.Compression.Of(message).Contains((byte)0))
            return TlsErrorReason.BadCompressionMethods;
        TlsErrorReason error = CheckExtensions(message, hello, options, ref negotiation);
        if (error != TlsErrorReason.None)
            return error;
        error = SelectSuite(message, hello, options, crypto, ref negotiation);
        return error == TlsErrorReason.None ? SelectApplicationProtocol(message, hello, options, out negotiation.ApplicationProtocol) : error;
    }

    /// <summary>True if the client offers a suite that the server takes.</summary>
    public static bool Accepts(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, CipherSuite suite) =>
        options.Tls12CipherSuites.Contains(suite) && Offers(hello.CipherSuites.Of(message), suite) && Tls12Suite.TryGet(suite, out Tls12Suite? row) && crypto.Supports(row.Aead);

    private static TlsErrorReason CheckExtensions(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, ref ServerNegotiation negotiation)
    {
        TlsErrorReason error = TlsErrorReason.None;
        negotiation.RenegotiationInfo = hello.RenegotiationInfo.IsPresent || Offers(hello.CipherSuites.Of(message), (CipherSuite)RenegotiationInfo.SignalingSuite);
        if (hello.RenegotiationInfo.IsPresent)
            error = RenegotiationInfo.Check(hello.RenegotiationInfo.Of(message));
        negotiation.ExtendedMasterSecret = hello.ExtendedMasterSecret.IsPresent;
        if (error == TlsErrorReason.None && hello.ExtendedMasterSecret.IsPresent)
            error = ExtendedMasterSecret.Check(hello.ExtendedMasterSecret.Of(message));

        // RFC 7627 s5.3: a handshake without it is aborted unless old clients are wanted.
        if (error == TlsErrorReason.None && !negotiation.ExtendedMasterSecret && !options.AllowWithoutExtendedMasterSecret)
            error = TlsErrorReason.ExtendedMasterSecretMissing;
        if (error == TlsErrorReason.None && hello.PointFormats.IsPresent)
            error = EcPointFormats.Check(hello.PointFormats.Of(message));
        negotiation.RecordSizeLimit = hello.RecordSizeLimit;

        // RFC 8449 s5: max_fragment_length is ignored beside record_size_limit.
        if (error == TlsErrorReason.None && hello.MaxFragmentLength.IsPresent && hello.RecordSizeLimit == 0)
            error = MaxFragmentLength.Parse(hello.MaxFragmentLength.Of(message), out negotiation.MaxFragmentLength);
        return error;
    }

    /// <summary>The first accepted suite that the client offers and, for ECDHE, has a group for.</summary>
    private static TlsErrorReason SelectSuite(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, ref ServerNegotiation negotiation)
    {
        NamedGroup group = SelectGroup(message, hello, options, crypto);
        bool lacksGroup = false;
        foreach (CipherSuite candidate in options.Tls12CipherSuites)
        {
            if (!Tls12Suite.TryGet(candidate, out Tls12Suite? suite) || !crypto.Supports(suite.Aead) || !Offers(hello.CipherSuites.Of(message), candidate))
                continue;
            bool ecdhe = suite.Mode == PskKeyExchangeMode.PskDheKe;
            if (ecdhe && group == NamedGroup.None)
            {
                lacksGroup = true;
                continue;
            }

            negotiation.Suite = suite;
            negotiation.Group = ecdhe ? group : NamedGroup.None;
            negotiation.PointFormats = ecdhe && hello.PointFormats.IsPresent;
            return TlsErrorReason.None;
        }

        // RFC 5246 s7.4.1.3, RFC 8422 s4: nothing in common is a handshake_failure.
        return lacksGroup ? TlsErrorReason.NoCommonGroup : TlsErrorReason.NoCommonCipherSuite;
    }

    private static NamedGroup SelectGroup(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto)
    {
        foreach (NamedGroup group in options.Groups)
        {
            // RFC 8422 s4: a client without the list takes any of the curves; x25519 is none it must know.
            bool common = hello.Groups.IsPresent ? SupportedGroups.Contains(hello.Groups.Of(message), (ushort)group) : group == NamedGroup.Secp256r1;
            if (common && crypto.Supports(group))
                return group;
        }

        return NamedGroup.None;
    }
}
