using System.Buffers.Binary;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Dtls;

/// <summary>The header of a handshake message or a fragment of one (RFC 6347 s4.2.2).</summary>
/// <param name="Type">Of the message.</param>
/// <param name="MessageLength">The body of the whole message, in bytes.</param>
/// <param name="Sequence">Of the message among those of its sender.</param>
/// <param name="Offset">Where the fragment begins in the body.</param>
/// <param name="Length">Of the fragment.</param>
internal readonly record struct FragmentHeader(HandshakeType Type, int MessageLength, ushort Sequence, int Offset, int Length)
{
    public const int Size = 12;

    /// <summary>The most that three bytes say.</summary>
    public const int MaxMessageLength = 0xffffff;

    /// <summary>The fragment is the message.</summary>
    public bool IsWhole => Length == MessageLength;

    /// <summary>Nothing of the message comes after it.</summary>
    public bool IsLast => Offset + Length == MessageLength;

    /// <summary>Reads the header of a fragment whose bytes are all there and lie within its message.</summary>
    /// <param name="source">What is left of a record.</param>
    /// <param name="header">The header.</param>
    /// <returns>False if there is none, or it contradicts itself.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out FragmentHeader header)
    {
        header = default;
        if (source.Length < Size)
            return false;
        header = new FragmentHeader((HandshakeType)source[0], UInt24(source[1..]), BinaryPrimitives.ReadUInt16BigEndian(source[4..]), UInt24(source[6..]), UInt24(source[9..]));

        // An empty fragment of a message that is not empty says nothing.
        return header.Length <= source.Length - Size && header.Offset + header.Length <= header.MessageLength && (header.Length > 0 || header.MessageLength == 0);
    }

    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)Type;
        WriteUInt24(destination[1..], MessageLength);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], Sequence);
        WriteUInt24(destination[6..], Offset);
        WriteUInt24(destination[9..], Length);
    }

    private static int UInt24(ReadOnlySpan<byte> source) => (source[0] << 16) | (source[1] << 8) | source[2];

    private static void WriteUInt24(Span<byte> destination, int value)
    {
        destination[0] = checked((byte)(value >> 16));
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], (ushort)value);
    }
}
