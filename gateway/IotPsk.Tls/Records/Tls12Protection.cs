using System.Buffers.Binary;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Records;

/// <summary>The key of one direction in TLS 1.2 (RFC 5246 s6.2.3.3), in native memory.</summary>
internal sealed class Tls12Protection : IDisposable
{
    /// <summary>Sequence number, type, version, length.</summary>
    private const int AssociatedDataLength = 8 + 1 + 2 + 2;

    private readonly CryptoProvider _crypto;
    private readonly SecretBuffer _memory;
    private readonly long _keyId = AeadKey.NewId();

    public Tls12Protection(CryptoProvider crypto, Tls12Suite suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> fixedIv)
    {
        _crypto = crypto;
        Suite = suite;
        _memory = new SecretBuffer(suite.KeyLength + suite.FixedIvLength);
        key.CopyTo(Key);
        fixedIv.CopyTo(FixedIv);
    }

    public Tls12Suite Suite { get; }

    /// <summary>True when the key has done what is safe.</summary>
    public bool IsWornOut => Sequence >= Suite.MaxRecords;

    /// <summary>RFC 5246 s6.1: sequence numbers do not wrap.</summary>
    public bool IsExhausted => Sequence == ulong.MaxValue;

    /// <summary>What a protected fragment is longer than its content: explicit nonce and tag.</summary>
    public int Expansion => Suite.ExplicitNonceLength + Suite.TagLength;

    /// <summary>What a record is longer than its content.</summary>
    public int Overhead => RecordHeader.Length + Expansion;

    /// <summary>Records sealed or opened.</summary>
    internal ulong Sequence { get; set; }

    private Span<byte> Key => _memory.Span[..Suite.KeyLength];

    private Span<byte> FixedIv => _memory.Span[Suite.KeyLength..];

    /// <summary>Writes one record; the destination has room for the content and <see cref="Overhead"/>. The sequence number must not be used up.</summary>
    /// <returns>The length of the record.</returns>
    public int Seal(ContentType type, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        RecordHeader.Write(destination, type, content.Length + Expansion);

        // RFC 5288 s3, RFC 6655 s3: the explicit part never repeats under a key; the sequence number does not.
        Span<byte> explicitNonce = destination.Slice(RecordHeader.Length, Suite.ExplicitNonceLength);
        if (!explicitNonce.IsEmpty)
            BinaryPrimitives.WriteUInt64BigEndian(explicitNonce, Sequence);
        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        Span<byte> associatedData = stackalloc byte[AssociatedDataLength];
        SetNonce(explicitNonce, nonce);
        SetAssociatedData(destination[..RecordHeader.Length], content.Length, associatedData);
        Span<byte> body = destination.Slice(RecordHeader.Length + explicitNonce.Length, content.Length);
        _crypto.Seal(
            new AeadKey(Suite.Aead, _keyId, Key), nonce, associatedData, content, body, destination.Slice(RecordHeader.Length + explicitNonce.Length + content.Length, Suite.TagLength));
        Sequence++;
        return content.Length + Overhead;
    }

    /// <summary>Opens one whole record, which is at least <see cref="Overhead"/> long; false if it does not authenticate.</summary>
    /// <param name="record">The record with its header.</param>
    /// <param name="plaintext">Gets the content.</param>
    public bool TryOpen(ReadOnlySpan<byte> record, Span<byte> plaintext)
    {
        if (IsExhausted)
            return false;
        ReadOnlySpan<byte> fragment = record[RecordHeader.Length..];
        ReadOnlySpan<byte> ciphertext = fragment[Suite.ExplicitNonceLength..^Suite.TagLength];
        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        Span<byte> associatedData = stackalloc byte[AssociatedDataLength];
        SetNonce(fragment[..Suite.ExplicitNonceLength], nonce);
        SetAssociatedData(record, ciphertext.Length, associatedData);
        Sequence++;
        return _crypto.Open(new AeadKey(Suite.Aead, _keyId, Key), nonce, associatedData, ciphertext, fragment[^Suite.TagLength..], plaintext);
    }

    public void Dispose()
    {
        _crypto.Forget(_keyId);
        _memory.Dispose();
    }

    private void SetNonce(ReadOnlySpan<byte> explicitNonce, Span<byte> nonce)
    {
        FixedIv.CopyTo(nonce);
        if (!explicitNonce.IsEmpty)
        {
            explicitNonce.CopyTo(nonce[Suite.FixedIvLength..]);
            return;
        }

        // RFC 7905 s2: the sequence number, padded on the left, XORed with the IV.
        Span<byte> counter = nonce[^sizeof(ulong)..];
        BinaryPrimitives.WriteUInt64BigEndian(counter, BinaryPrimitives.ReadUInt64BigEndian(counter) ^ Sequence);
    }

    /// <summary>RFC 5246 s6.2.3.3: seq_num + type + version + length of the content.</summary>
    private void SetAssociatedData(ReadOnlySpan<byte> header, int contentLength, Span<byte> associatedData)
    {
        BinaryPrimitives.WriteUInt64BigEndian(associatedData, Sequence);
        header[..3].CopyTo(associatedData[8..]);
        BinaryPrimitives.WriteUInt16BigEndian(associatedData[11..], (ushort)contentLength);
    }
}
