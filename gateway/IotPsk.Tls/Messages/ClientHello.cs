using IotPsk.Tls.Extensions;

namespace IotPsk.Tls.Messages;

/// <summary>A parsed ClientHello (RFC 8446 s4.1.2): the places of what matters to a PSK server, checked for form.</summary>
internal struct ClientHello
{
    public const int RandomLength = 32;

    public const int MaxSessionIdLength = 32;

    /// <summary>Parts by their place in the whole message, header included.</summary>
    public Slice Random, SessionId, CipherSuites;

    /// <summary>Contents of extensions, their outer length taken off; absent if the extension is.</summary>
    public Slice Groups, KeyShares, Identities, Binders, ApplicationProtocols;

    public int IdentityCount;

    /// <summary>The length of Truncate(ClientHello) for the binders (RFC 8446 s4.2.11.2).</summary>
    public int TruncatedLength;

    /// <summary>0 if the extension is absent.</summary>
    public ushort RecordSizeLimit;

    /// <summary>What a client of TLS 1.2 adds; looked at only if TLS 1.2 is spoken.</summary>
    public Slice ConnectionId, PointFormats, RenegotiationInfo, MaxFragmentLength, SessionTicket, ExtendedMasterSecret, Compression;

    public bool OffersTls12;

    public bool OffersTls13, HasPskModes, OffersPskKe, OffersPskDheKe, HasEarlyData, HasSignatureAlgorithms;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> message, out ClientHello hello) => Parse(message, datagram: false, out hello);

    /// <param name="message">With its header of four bytes.</param>
    /// <param name="datagram">The form of DTLS 1.2 (RFC 6347 s4.2.1): with a cookie, whose worth is judged before, and other versions.</param>
    /// <param name="hello">The parts.</param>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> message, bool datagram, out ClientHello hello)
    {
        hello = default;
        var reader = new WireReader(message);
        reader.TryReadBytes(HandshakeMessage.HeaderLength, out _);
        if (!reader.TryReadUInt16(out ushort legacyVersion) ||
            !reader.TryReadBytes(RandomLength, out ReadOnlySpan<byte> random) ||
            !reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > MaxSessionIdLength)
            return TlsErrorReason.MalformedClientHello;
        hello.SessionId = new Slice(reader.Position - sessionId.Length, sessionId.Length);
        hello.Random = new Slice(HandshakeMessage.HeaderLength + 2, random.Length);
        if ((datagram && !reader.TryReadVector8(out _)) || !reader.TryReadVector16(out ReadOnlySpan<byte> suites) || suites.Length < 2 || (suites.Length & 1) != 0)
            return TlsErrorReason.MalformedClientHello;
        hello.CipherSuites = new Slice(reader.Position - suites.Length, suites.Length);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> compression) || compression.IsEmpty)
            return TlsErrorReason.MalformedClientHello;
        hello.Compression = new Slice(reader.Position - compression.Length, compression.Length);

        // RFC 8446 sD.5: SSL 3.0 and older are refused.
        if (!datagram && legacyVersion <= 0x0300)
            return TlsErrorReason.LegacyVersionTooOld;

        // RFC 8446 s4.2.1: without supported_versions it is legacy_version that counts, and more than TLS 1.2 is TLS 1.2.
        // RFC 6347 s4.1: versions of DTLS count downwards.
        hello.OffersTls12 = datagram ? legacyVersion is >= 0xfe00 and <= (ushort)TlsProtocol.Dtls12 : legacyVersion >= (ushort)TlsProtocol.Tls12;

        // A hello of TLS 1.2 may end here.
        if (!reader.IsEmpty)
        {
            if (!reader.TryReadVector16(out ReadOnlySpan<byte> extensions) || !reader.IsEmpty)
                return TlsErrorReason.MalformedClientHello;
            TlsErrorReason error = hello.ParseExtensions(extensions, message.Length - extensions.Length, datagram);
            if (error != TlsErrorReason.None)
                return error;
        }

        // RFC 8446 s4.1.2: with TLS 1.3, exactly one byte, zero.
        if (hello.OffersTls13 && (compression.Length != 1 || compression[0] != 0))
            return TlsErrorReason.BadCompressionMethods;
        return TlsErrorReason.None;
    }

    private TlsErrorReason ParseExtensions(ReadOnlySpan<byte> block, int blockOffset, bool datagram)
    {
        Span<ulong> seen = stackalloc ulong[ExtensionReader.SeenLength];
        seen.Clear();
        var reader = new ExtensionReader(block, seen);
        while (!reader.IsEmpty)
        {
            TlsErrorReason error = reader.Read(out ExtensionType type, out ReadOnlySpan<byte> data);
            if (error == TlsErrorReason.None)
                error = ParseExtension(type, data, blockOffset + reader.DataOffset, datagram);
            if (error != TlsErrorReason.None)
                return error;

            // RFC 8446 s4.2.11: it MUST be the last extension.
            if (type == ExtensionType.PreSharedKey && !reader.IsEmpty)
                return TlsErrorReason.PreSharedKeyNotLast;
        }

        return TlsErrorReason.None;
    }

    private TlsErrorReason ParseExtension(ExtensionType type, ReadOnlySpan<byte> data, int offset, bool datagram)
    {
        TlsErrorReason error;
        ReadOnlySpan<byte> list;
        switch (type)
        {
            case ExtensionType.SupportedVersions when datagram:
                return SupportedVersions.ParseDatagram(data, out OffersTls12);
            case ExtensionType.SupportedVersions:
                return SupportedVersions.Parse(data, out OffersTls13, out OffersTls12);
            case ExtensionType.SupportedGroups:
                error = SupportedGroups.Parse(data, out list);
                Groups = new Slice(offset + 2, list.Length);
                return error;
            case ExtensionType.KeyShare:
                error = KeyShare.Parse(data, out list);
                KeyShares = new Slice(offset + 2, list.Length);
                return error;
            case ExtensionType.PskKeyExchangeModes:
                HasPskModes = true;
                return PskKeyExchangeModes.Parse(data, out OffersPskKe, out OffersPskDheKe);
            case ExtensionType.PreSharedKey:
                error = PreSharedKey.Parse(data, out list, out ReadOnlySpan<byte> binders, out IdentityCount);
                Identities = new Slice(offset + 2, list.Length);
                Binders = new Slice(offset + 4 + list.Length, binders.Length);

                // The binder list goes with its own length field.
                TruncatedLength = Binders.Offset - 2;
                return error;
            case ExtensionType.RecordSizeLimit:
                return Extensions.RecordSizeLimit.Parse(data, out RecordSizeLimit);
            case ExtensionType.ApplicationLayerProtocolNegotiation:
                error = Extensions.ApplicationProtocols.Parse(data, out list);
                ApplicationProtocols = new Slice(offset + 2, list.Length);
                return error;
            case ExtensionType.EarlyData:
                HasEarlyData = true;
                return data.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedEarlyData;
            case ExtensionType.SignatureAlgorithms:
                HasSignatureAlgorithms = true;
                return TlsErrorReason.None;
            default:
                NoteTls12Extension(type, new Slice(offset, data.Length));
                return TlsErrorReason.None;
        }
    }

    private void NoteTls12Extension(ExtensionType type, Slice place)
    {
        switch (type)
        {
            case ExtensionType.ConnectionId:
                ConnectionId = place;
                break;
            case ExtensionType.EcPointFormats:
                PointFormats = place;
                break;
            case ExtensionType.RenegotiationInfo:
                RenegotiationInfo = place;
                break;
            case ExtensionType.MaxFragmentLength:
                MaxFragmentLength = place;
                break;
            case ExtensionType.ExtendedMasterSecret:
                ExtendedMasterSecret = place;
                break;
            case ExtensionType.SessionTicket:
                SessionTicket = place;
                break;
        }
    }
}
