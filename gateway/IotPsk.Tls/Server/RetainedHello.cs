using System.Buffers;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Server;

/// <summary>A parsed ClientHello with a pooled copy of its bytes, for as long as they are needed.</summary>
internal sealed class RetainedHello : IDisposable
{
    private readonly int _length;
    private byte[]? _buffer;

    public RetainedHello(ReadOnlySpan<byte> message, in ClientHello fields)
    {
        _length = message.Length;
        _buffer = ArrayPool<byte>.Shared.Rent(message.Length);
        message.CopyTo(_buffer);
        Fields = fields;
    }

    public ClientHello Fields { get; }

    public ReadOnlySpan<byte> Message
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, this);
            return _buffer.AsSpan(0, _length);
        }
    }

    public void Dispose()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }
}
