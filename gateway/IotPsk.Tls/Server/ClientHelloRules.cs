using System.Buffers.Binary;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Server;

/// <summary>What can be said about a ClientHello before its key is known: hopeless hellos cost no key lookup.</summary>
internal static class ClientHelloRules
{
    public static TlsErrorReason Check(ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, out Negotiation negotiation)
    {
        negotiation = default;

        // RFC 8446 s4.2.1: no common version is a protocol_version.
        if (!hello.OffersTls13 || !options.AllowTls13)
            return TlsErrorReason.NoCommonVersion;
        TlsErrorReason error = CheckMandatoryExtensions(hello);
        if (error != TlsErrorReason.None)
            return error;
        if (hello.Groups.IsPresent)
            error = KeyShare.Check(hello.KeyShares.Of(message), hello.Groups.Of(message));
        if (error != TlsErrorReason.None)
            return error;

        // RFC 8446 s4.1.1: without common parameters the handshake fails.
        if (!SelectSuite(message, hello, options, crypto, TlsHash.Sha256, out _) && !SelectSuite(message, hello, options, crypto, TlsHash.Sha384, out _))
            return TlsErrorReason.NoCommonCipherSuite;
        error = SelectKeyExchange(message, hello, options, crypto, out negotiation.Mode, out negotiation.Group, out negotiation.NeedsRetry);
        if (error != TlsErrorReason.None)
            return error;
        return SelectApplicationProtocol(message, hello, options, out negotiation.ApplicationProtocol);
    }

    /// <summary>The first accepted suite of a hash that the client offers.</summary>
    public static bool SelectSuite(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, TlsHash hash, out CipherSuiteParameters suite)
    {
        ReadOnlySpan<byte> offered = hello.CipherSuites.Of(message);
        foreach (CipherSuite candidate in options.CipherSuites)
        {
            if (CipherSuiteParameters.TryGet(candidate, out CipherSuiteParameters? parameters) && parameters.Hash == hash &&
                crypto.Supports(parameters.Aead) && Offers(offered, candidate))
            {
                suite = parameters;
                return true;
            }
        }

        suite = null!;
        return false;
    }

    public static bool Offers(ReadOnlySpan<byte> suites, CipherSuite wanted)
    {
        for (; suites.Length >= 2; suites = suites[2..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(suites) == (ushort)wanted)
                return true;
        }

        return false;
    }

    public static TlsErrorReason SelectApplicationProtocol(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, out ReadOnlyMemory<byte> selected)
    {
        selected = default;
        if (options.ApplicationProtocols is null || !hello.ApplicationProtocols.IsPresent)
            return TlsErrorReason.None;
        foreach (ReadOnlyMemory<byte> name in options.ApplicationProtocols)
        {
            if (ApplicationProtocols.Contains(hello.ApplicationProtocols.Of(message), name.Span))
            {
                selected = name;
                return TlsErrorReason.None;
            }
        }

        // RFC 7301 s3.2: no overlap is a no_application_protocol.
        return options.RequireApplicationProtocol ? TlsErrorReason.NoCommonApplicationProtocol : TlsErrorReason.None;
    }

    private static TlsErrorReason CheckMandatoryExtensions(in ClientHello hello)
    {
        if (!hello.Identities.IsPresent)
        {
            // RFC 8446 s9.2: without pre_shared_key a hello has both of these.
            return hello.HasSignatureAlgorithms && hello.Groups.IsPresent ? TlsErrorReason.NoPskOffered : TlsErrorReason.MandatoryExtensionMissing;
        }

        // RFC 8446 s4.2.9: pre_shared_key without it ends the handshake.
        if (!hello.HasPskModes)
            return TlsErrorReason.PskKeyExchangeModesMissing;

        // RFC 8446 s9.2: supported_groups and key_share come together.
        if (hello.Groups.IsPresent && !hello.KeyShares.IsPresent)
            return TlsErrorReason.KeyShareMissing;
        return hello.KeyShares.IsPresent && !hello.Groups.IsPresent ? TlsErrorReason.SupportedGroupsMissing : TlsErrorReason.None;
    }

    private static TlsErrorReason SelectKeyExchange(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto,
        out PskKeyExchangeMode mode, out NamedGroup group, out bool needsRetry)
    {
        mode = PskKeyExchangeMode.PskDheKe;
        group = NamedGroup.None;
        needsRetry = false;
        bool canPskKe = options.AllowPskKe && hello.OffersPskKe;
        if (hello.OffersPskDheKe && hello.Groups.IsPresent)
        {
            group = SelectGroup(message, hello, options, crypto, out needsRetry);
            if (group != NamedGroup.None)
                return TlsErrorReason.None;
        }

        // RFC 8446 s4.2.9: only a mode that the client lists.
        mode = PskKeyExchangeMode.PskKe;
        if (canPskKe)
            return TlsErrorReason.None;
        if (!hello.OffersPskDheKe)
            return TlsErrorReason.NoCommonKeyExchangeMode;

        // RFC 8446 s9.2: (EC)DHE needs both extensions.
        return hello.Groups.IsPresent ? TlsErrorReason.NoCommonGroup : TlsErrorReason.KeyShareMissing;
    }

    private static NamedGroup SelectGroup(
        ReadOnlySpan<byte> message, in ClientHello hello, PskTlsServerOptions options, CryptoProvider crypto, out bool needsRetry)
    {
        needsRetry = false;
        ReadOnlySpan<byte> shares = hello.KeyShares.Of(message);
        foreach (NamedGroup group in options.Groups)
        {
            if (crypto.Supports(group) && !KeyShare.Find(shares, group).IsEmpty)
                return group;
        }

        // RFC 8446 s4.1.4: a HelloRetryRequest only if no usable share came.
        needsRetry = true;
        foreach (NamedGroup group in options.Groups)
        {
            if (crypto.Supports(group) && SupportedGroups.Contains(hello.Groups.Of(message), (ushort)group))
                return group;
        }

        needsRetry = false;
        return NamedGroup.None;
    }
}
