using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>Walks an extension block, whose two-byte length is already taken off.</summary>
internal ref struct ExtensionReader(ReadOnlySpan<byte> block, Span<ulong> seen)
{
    /// <summary>The size of <c>seen</c>: one bit for each type. A list would make many unknown extensions quadratic work.</summary>
    public const int SeenLength = 65536 / 64;

    private readonly Span<ulong> _seen = seen;
    private WireReader _reader = new(block);

    public readonly bool IsEmpty => _reader.IsEmpty;

    /// <summary>Where the extension last read begins in the block, past its header.</summary>
    public int DataOffset { get; private set; }

    /// <summary>
    /// RFC 8446 s4.2: a known extension in the wrong message is an illegal_parameter, one that was not asked for an unsupported_extension.
    /// </summary>
    public static TlsErrorReason Unwelcome(ExtensionType type, bool belongsHere) =>
        Enum.IsDefined(type) && !belongsHere ? TlsErrorReason.MisplacedExtension : TlsErrorReason.UnsolicitedExtension;

    public TlsErrorReason Read(out ExtensionType type, out ReadOnlySpan<byte> data)
    {
        data = default;
        type = 0;
        if (!_reader.TryReadUInt16(out ushort wire) || !_reader.TryReadVector16(out data))
            return TlsErrorReason.MalformedExtensions;
        type = (ExtensionType)wire;
        DataOffset = _reader.Position - data.Length;

        // RFC 8446 s4.2: not more than one extension of the same type.
        ulong bit = 1UL << (wire & 63);
        if ((_seen[wire >> 6] & bit) != 0)
            return TlsErrorReason.DuplicateExtension;
        _seen[wire >> 6] |= bit;
        return TlsErrorReason.None;
    }
}
