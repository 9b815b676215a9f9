namespace IotPsk.Tls.Crypto;

/// <summary>A running hash of the handshake messages (RFC 8446 s4.4.1).</summary>
internal abstract class TranscriptHash(TlsHash hash) : IDisposable
{
    public TlsHash Hash { get; } = hash;

    public abstract void Append(ReadOnlySpan<byte> data);

    /// <summary>Writes the hash so far; the hash goes on.</summary>
    public abstract void Snapshot(Span<byte> destination);

    public abstract void Reset();

    public abstract void Dispose();

    /// <summary>Replaces ClientHello1 by the synthetic message_hash (RFC 8446 s4.4.1).</summary>
    public void ReplaceByMessageHash()
    {
        int length = Hash.Length();
        Span<byte> message = stackalloc byte[4 + TlsHashes.MaxLength];
        message[0] = (byte)Messages.HandshakeType.MessageHash;
        message[1] = 0;
        message[2] = 0;
        message[3] = (byte)length;
        Snapshot(message.Slice(4, length));
        Reset();
        Append(message[..(4 + length)]);
    }
}
