using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Tls12.Messages;

/// <summary>ServerHello (RFC 5246 s7.4.1.3) as a client of TLS 1.2 takes it.</summary>
internal struct Tls12ServerHello
{
    public Slice Random, SessionId, ApplicationProtocol;

    /// <summary>The id that the server wants to see (RFC 9146 s3); absent without the extension.</summary>
    public Slice ConnectionId;

    public ushort Version;

    public CipherSuite CipherSuite;

    public byte Compression;

    /// <summary>0 if the server did not answer.</summary>
    public ushort RecordSizeLimit;

    /// <summary>0 if the server did not answer.</summary>
    public int MaxFragmentLength;

    public bool HasExtendedMasterSecret, HasRenegotiationInfo, HasSessionTicket;

    /// <summary>RFC 8446 s4.2.1: true if the server selects a version before TLS 1.3. What does not parse is left to the parser of TLS 1.3.</summary>
    public static bool IsOlder(ReadOnlySpan<byte> message)
    {
        if (!TryReadFields(message, out _, out ReadOnlySpan<byte> block))
            return false;
        var extensions = new WireReader(block);
        while (extensions.TryReadUInt16(out ushort type) && extensions.TryReadVector16(out _))
        {
            if (type == (ushort)ExtensionType.SupportedVersions)
                return false;
        }

        return extensions.IsEmpty;
    }

    public static TlsErrorReason Parse(ReadOnlySpan<byte> message, PskTlsClientOptions options, out Tls12ServerHello hello)
    {
        if (!TryReadFields(message, out hello, out ReadOnlySpan<byte> block))
            return TlsErrorReason.MalformedServerHello;
        Span<ulong> seen = stackalloc ulong[ExtensionReader.SeenLength];
        seen.Clear();
        var reader = new ExtensionReader(block, seen);
        while (!reader.IsEmpty)
        {
            TlsErrorReason error = reader.Read(out ExtensionType type, out ReadOnlySpan<byte> data);
            if (error == TlsErrorReason.None)
                error = hello.ParseExtension(type, data, message.Length - block.Length + reader.DataOffset, options);
            if (error != TlsErrorReason.None)
                return error;
        }

        return TlsErrorReason.None;
    }

    private static bool TryReadFields(ReadOnlySpan<byte> message, out Tls12ServerHello hello, out ReadOnlySpan<byte> extensions)
    {
        hello = default;
        extensions = default;
        var reader = new WireReader(message);
        reader.TryReadBytes(HandshakeMessage.HeaderLength, out _);
        if (!reader.TryReadUInt16(out hello.Version) || !reader.TryReadBytes(ClientHello.RandomLength, out _))
            return false;
        hello.Random = new Slice(reader.Position - ClientHello.RandomLength, ClientHello.RandomLength);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > ClientHello.MaxSessionIdLength)
            return false;
        hello.SessionId = new Slice(reader.Position - sessionId.Length, sessionId.Length);
        if (!reader.TryReadUInt16(out ushort suite) || !reader.TryReadByte(out hello.Compression))
            return false;
        hello.CipherSuite = (CipherSuite)suite;
        return reader.IsEmpty || (reader.TryReadVector16(out extensions) && reader.IsEmpty);
    }

    /// <summary>RFC 5246 s7.4.1.4: only what was asked for.</summary>
    private TlsErrorReason ParseExtension(ExtensionType type, ReadOnlySpan<byte> data, int offset, PskTlsClientOptions options)
    {
        TlsErrorReason error;
        switch (type)
        {
            case ExtensionType.RenegotiationInfo:
                HasRenegotiationInfo = true;
                return RenegotiationInfo.Check(data);
            case ExtensionType.ExtendedMasterSecret:
                HasExtendedMasterSecret = true;
                return ExtendedMasterSecret.Check(data);
            case ExtensionType.SessionTicket when options.OffersSessionTicket && data.IsEmpty:
                HasSessionTicket = true;
                return TlsErrorReason.None;
            case ExtensionType.EcPointFormats when options.OffersEcdhePsk:
                return EcPointFormats.Check(data);
            case ExtensionType.ServerName when options.ServerName is not null:
                return ServerName.CheckAnswer(data);
            case ExtensionType.RecordSizeLimit when options.RecordSizeLimit != 0:
                // RFC 8449 s4: what is above the limit of TLS 1.2 is no more than that.
                return Extensions.RecordSizeLimit.Parse(data, out RecordSizeLimit);
            case ExtensionType.MaxFragmentLength when options.OffersMaxFragmentLength:
                error = Extensions.MaxFragmentLength.Parse(data, out MaxFragmentLength);

                // RFC 6066 s4: another length than the one that was asked for is an illegal_parameter.
                return error == TlsErrorReason.None && MaxFragmentLength != options.MaxFragmentLength ? TlsErrorReason.BadMaxFragmentLength : error;
            case ExtensionType.ConnectionId when options.OffersConnectionId:
                error = Extensions.ConnectionId.Parse(data, out ReadOnlySpan<byte> id);
                ConnectionId = new Slice(offset + 1, id.Length);
                return error;
            case ExtensionType.ApplicationLayerProtocolNegotiation when options.ApplicationProtocols is not null:
                return ParseApplicationProtocol(data, offset, options);
            default:
                return TlsErrorReason.UnsolicitedExtension;
        }
    }

    private TlsErrorReason ParseApplicationProtocol(ReadOnlySpan<byte> data, int offset, PskTlsClientOptions options)
    {
        TlsErrorReason error = ApplicationProtocols.ParseSelection(data, out ReadOnlySpan<byte> name);
        if (error != TlsErrorReason.None)
            return error;
        ApplicationProtocol = new Slice(offset + data.Length - name.Length, name.Length);
        foreach (ReadOnlyMemory<byte> offered in options.ApplicationProtocols!)
        {
            if (offered.Span.SequenceEqual(name))
                return TlsErrorReason.None;
        }

        // RFC 7301 s3.2: one of the client's.
        return TlsErrorReason.SelectedUnofferedApplicationProtocol;
    }
}
