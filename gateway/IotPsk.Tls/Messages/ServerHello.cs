using IotPsk.Tls.Extensions;

namespace IotPsk.Tls.Messages;

/// <summary>ServerHello and HelloRetryRequest (RFC 8446 s4.1.3, s4.1.4): one form, told apart by the random.</summary>
internal struct ServerHello
{
    /// <summary>Header, fixed fields, session id, and the extensions a PSK server sends.</summary>
    public const int MaxLength = 256;

    /// <summary>The longest body a client takes.</summary>
    public const int MaxBodyLength = 4096;

    public Slice SessionId, KeyShare;

    public CipherSuite CipherSuite;

    public NamedGroup Group;

    public ushort SelectedIdentity;

    public Slice Cookie;

    public bool IsRetryRequest, HasSupportedVersions, HasPreSharedKey, HasKeyShare;

    /// <summary>SHA-256 of "HelloRetryRequest" (RFC 8446 s4.1.3).</summary>
    public static ReadOnlySpan<byte> RetryRandom =>
    [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];

    public static void WriteFields(
        ref WireWriter writer, ReadOnlySpan<byte> random, ReadOnlySpan<byte> sessionId, CipherSuite suite, TlsProtocol version = TlsProtocol.Tls12)
    {
        writer.WriteUInt16((ushort)version);
        writer.WriteBytes(random);
        writer.WriteVector8(sessionId);
        writer.WriteUInt16((ushort)suite);
        writer.WriteByte(0);
    }

    public static TlsErrorReason Parse(ReadOnlySpan<byte> message, out ServerHello hello)
    {
        hello = default;
        var reader = new WireReader(message);
        reader.TryReadBytes(HandshakeMessage.HeaderLength, out _);
        if (!reader.TryReadUInt16(out ushort legacyVersion) ||
            !reader.TryReadBytes(ClientHello.RandomLength, out ReadOnlySpan<byte> random) ||
            !reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > ClientHello.MaxSessionIdLength)
            return TlsErrorReason.MalformedServerHello;
        hello.SessionId = new Slice(reader.Position - sessionId.Length, sessionId.Length);
        if (!reader.TryReadUInt16(out ushort suite) || !reader.TryReadByte(out byte compression))
            return TlsErrorReason.MalformedServerHello;
        hello.CipherSuite = (CipherSuite)suite;
        hello.IsRetryRequest = random.SequenceEqual(RetryRandom);
        if (!reader.IsEmpty)
        {
            if (!reader.TryReadVector16(out ReadOnlySpan<byte> extensions) || !reader.IsEmpty)
                return TlsErrorReason.MalformedServerHello;
            TlsErrorReason error = hello.ParseExtensions(extensions, message.Length - extensions.Length);
            if (error != TlsErrorReason.None)
                return error;
        }

        // RFC 8446 s4.2.1: without supported_versions the server speaks an older version, whatever the rest says;
        // s4.1.3: if it could have spoken this one, somebody changed the hello on the way.
        if (!hello.HasSupportedVersions)
            return ServerRandom.HasSentinel(random) ? TlsErrorReason.DowngradeDetected : TlsErrorReason.ServerTooOld;

        // RFC 8446 s4.1.3: legacy_version is 0x0303, the compression method 0.
        if (legacyVersion != (ushort)TlsProtocol.Tls12)
            return TlsErrorReason.SelectedUnofferedVersion;
        return compression == 0 ? TlsErrorReason.None : TlsErrorReason.BadCompressionMethods;
    }

    private TlsErrorReason ParseExtensions(ReadOnlySpan<byte> block, int blockOffset)
    {
        Span<ulong> seen = stackalloc ulong[ExtensionReader.SeenLength];
        seen.Clear();
        var reader = new ExtensionReader(block, seen);
        while (!reader.IsEmpty)
        {
            TlsErrorReason error = reader.Read(out ExtensionType type, out ReadOnlySpan<byte> data);
            if (error == TlsErrorReason.None)
                error = ParseExtension(type, data, blockOffset + reader.DataOffset);
            if (error != TlsErrorReason.None)
                return error;
        }

        return TlsErrorReason.None;
    }

    private TlsErrorReason ParseExtension(ExtensionType type, ReadOnlySpan<byte> data, int offset)
    {
        TlsErrorReason error;
        switch (type)
        {
            case ExtensionType.SupportedVersions:
                HasSupportedVersions = true;
                if (data.Length != 2)
                    return TlsErrorReason.MalformedSupportedVersions;

                // RFC 8446 s4.2.1: a version that was not offered is an illegal_parameter.
                return data[0] == 3 && data[1] == 4 ? TlsErrorReason.None : TlsErrorReason.SelectedUnofferedVersion;
            case ExtensionType.KeyShare when IsRetryRequest:
                HasKeyShare = true;
                return Extensions.KeyShare.ParseSelectedGroup(data, out Group);
            case ExtensionType.KeyShare:
                HasKeyShare = true;
                error = Extensions.KeyShare.ParseServerShare(data, out Group, out ReadOnlySpan<byte> share);
                KeyShare = new Slice(offset + 4, share.Length);
                return error;
            case ExtensionType.PreSharedKey when !IsRetryRequest:
                HasPreSharedKey = true;
                return PreSharedKey.ParseSelectedIdentity(data, out SelectedIdentity);
            case ExtensionType.Cookie when IsRetryRequest:
                Cookie = new Slice(offset, data.Length);
                return Extensions.Cookie.Check(data);
            default:
                return ExtensionReader.Unwelcome(type, belongsHere: false);
        }
    }
}
