using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace IotPsk.Tls.Crypto;

/// <summary>Native memory for secrets: the garbage collector cannot copy it, and it is zeroed when freed.</summary>
internal sealed unsafe class SecretBuffer : IDisposable
{
    private byte* _bytes;

    public SecretBuffer(int length)
    {
        _bytes = (byte*)NativeMemory.AllocZeroed((nuint)length);
        Length = length;
    }

    public SecretBuffer(ReadOnlySpan<byte> secret)
        : this(secret.Length) => secret.CopyTo(Span);

    ~SecretBuffer() => Free();

    public int Length { get; }

    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_bytes == null, this);
            return new Span<byte>(_bytes, Length);
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_bytes == null)
            return;
        CryptographicOperations.ZeroMemory(new Span<byte>(_bytes, Length));
        NativeMemory.Free(_bytes);
        _bytes = null;
    }
}
