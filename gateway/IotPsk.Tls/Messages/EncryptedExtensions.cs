using IotPsk.Tls.Extensions;

namespace IotPsk.Tls.Messages;

/// <summary>EncryptedExtensions (RFC 8446 s4.3.1) as a client takes it.</summary>
internal struct EncryptedExtensions
{
    /// <summary>The longest body a client takes.</summary>
    public const int MaxBodyLength = 4096;

    /// <summary>0 if the server did not answer.</summary>
    public ushort RecordSizeLimit;

    public Slice ApplicationProtocol;

    public static TlsErrorReason Parse(ReadOnlySpan<byte> message, PskTlsClientOptions options, out EncryptedExtensions result)
    {
        result = default;
        var body = new WireReader(message[HandshakeMessage.HeaderLength..]);
        if (!body.TryReadVector16(out ReadOnlySpan<byte> block) || !body.IsEmpty)
            return TlsErrorReason.MalformedEncryptedExtensions;
        Span<ulong> seen = stackalloc ulong[ExtensionReader.SeenLength];
        seen.Clear();
        var reader = new ExtensionReader(block, seen);
        while (!reader.IsEmpty)
        {
            TlsErrorReason error = reader.Read(out ExtensionType type, out ReadOnlySpan<byte> data);
            if (error == TlsErrorReason.None)
                error = result.ParseExtension(type, data, message.Length - block.Length + reader.DataOffset, options);
            if (error != TlsErrorReason.None)
                return error;
        }

        return TlsErrorReason.None;
    }

    private TlsErrorReason ParseExtension(ExtensionType type, ReadOnlySpan<byte> data, int offset, PskTlsClientOptions options)
    {
        TlsErrorReason error;
        switch (type)
        {
            case ExtensionType.ServerName when options.ServerName is not null:
                return ServerName.CheckAnswer(data);
            case ExtensionType.SupportedGroups:
                return TlsErrorReason.None;
            case ExtensionType.RecordSizeLimit when options.RecordSizeLimit != 0:
                error = Extensions.RecordSizeLimit.Parse(data, out RecordSizeLimit);

                // RFC 8449 s4: a client may refuse more than the version allows.
                return error == TlsErrorReason.None && RecordSizeLimit > Extensions.RecordSizeLimit.Max ? TlsErrorReason.RecordSizeLimitTooLarge : error;
            case ExtensionType.ApplicationLayerProtocolNegotiation when options.ApplicationProtocols is not null:
                error = ApplicationProtocols.ParseSelection(data, out ReadOnlySpan<byte> name);
                if (error != TlsErrorReason.None)
                    return error;
                ApplicationProtocol = new Slice(offset + data.Length - name.Length, name.Length);
                foreach (ReadOnlyMemory<byte> offered in options.ApplicationProtocols)
                {
                    if (offered.Span.SequenceEqual(name))
                        return TlsErrorReason.None;
                }

                // RFC 7301 s3.2: one of the client's.
                return TlsErrorReason.SelectedUnofferedApplicationProtocol;
            default:
                return ExtensionReader.Unwelcome(type, belongsHere: type is ExtensionType.ServerName or ExtensionType.RecordSizeLimit or ExtensionType.MaxFragmentLength
                    or ExtensionType.ApplicationLayerProtocolNegotiation or ExtensionType.EarlyData);
        }
    }
}
