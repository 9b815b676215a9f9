namespace IotPsk.Tls.Messages;

/// <summary>One whole handshake message.</summary>
internal readonly ref struct HandshakeMessage(ReadOnlySpan<byte> bytes, bool endsRecord)
{
    public const int HeaderLength = 4;

    /// <summary>With its header, as the transcript wants it.</summary>
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public HandshakeType Type => (HandshakeType)Bytes[0];

    public ReadOnlySpan<byte> Body => Bytes[HeaderLength..];

    /// <summary>True if nothing follows the message in its record.</summary>
    public bool EndsRecord { get; } = endsRecord;
}
