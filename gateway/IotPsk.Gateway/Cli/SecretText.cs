using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Gateway.Cli;

/// <summary>ASCII text with keys in it: in one pinned buffer, so that no copy is left behind; zeroed when cleared.</summary>
internal sealed class SecretText(int capacity) : IDisposable
{
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);

    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, Length);

    internal int Room => _buffer.Length - Length;

    internal SecretText Add(string text)
    {
        Length += Encoding.ASCII.GetBytes(text, _buffer.AsSpan(Length));
        return this;
    }

    /// <summary>Takes bytes over and zeroes them where they were.</summary>
    internal SecretText Add(byte[] secret)
    {
        secret.CopyTo(_buffer, Length);
        Length += secret.Length;
        CryptographicOperations.ZeroMemory(secret);
        return this;
    }

    internal SecretText AddHex(ReadOnlySpan<byte> bytes)
    {
        if (!Convert.TryToHexStringLower(bytes, _buffer.AsSpan(Length), out int written))
            throw new InvalidOperationException("The buffer is too small.");
        Length += written;
        return this;
    }

    internal void Clear()
    {
        CryptographicOperations.ZeroMemory(_buffer);
        Length = 0;
    }

    public void Dispose() => Clear();
}
