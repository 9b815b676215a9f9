using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Records;

/// <summary>The keys of one direction (RFC 8446 s5.2, s5.3, s7.3): a traffic secret, and the key and IV made from it, in native memory.</summary>
internal sealed class RecordProtection : IDisposable
{
    private readonly CryptoProvider _crypto;
    private readonly CipherSuiteParameters _suite;
    private readonly SecretBuffer _memory;
    private long _keyId;
    private ulong _sequence;

    public RecordProtection(CryptoProvider crypto, CipherSuiteParameters suite, ReadOnlySpan<byte> trafficSecret)
    {
        _crypto = crypto;
        _suite = suite;
        _memory = new SecretBuffer(suite.Hash.Length() + suite.KeyLength + CipherSuiteParameters.NonceLength);
        trafficSecret.CopyTo(Secret);
        DeriveKeys();
    }

    public CipherSuiteParameters Suite => _suite;

    /// <summary>Records sealed or opened under the current keys.</summary>
    internal ulong Sequence
    {
        get => _sequence;
        set => _sequence = value;
    }

    /// <summary>True when the key has done what is safe (RFC 8446 s5.5).</summary>
    public bool IsWornOut => _sequence >= _suite.MaxRecords;

    /// <summary>RFC 8446 s5.3: sequence numbers do not wrap.</summary>
    public bool IsExhausted => _sequence == ulong.MaxValue;

    /// <summary>True right after the first record past the limit: the writer does not change its key by itself.</summary>
    public bool IsJustOverdue => _sequence == _suite.MaxRecords + 1;

    /// <summary>What a record is longer than its content: header, content type, tag.</summary>
    public int Overhead => RecordHeader.Length + 1 + _suite.TagLength;

    private Span<byte> Secret => _memory.Span[.._suite.Hash.Length()];

    private Span<byte> Key => _memory.Span.Slice(_suite.Hash.Length(), _suite.KeyLength);

    private Span<byte> Iv => _memory.Span[^CipherSuiteParameters.NonceLength..];

    /// <summary>Writes one record; the destination has room for the content, <see cref="Overhead"/> and the padding.</summary>
    /// <returns>The length of the record; 0 if the sequence number is used up.</returns>
    public int Seal(ContentType type, ReadOnlySpan<byte> content, Span<byte> destination, int padding = 0)
    {
        if (IsExhausted)
            return 0;
        int innerLength = content.Length + 1 + padding;
        Span<byte> header = destination[..RecordHeader.Length];
        RecordHeader.Write(header, ContentType.ApplicationData, innerLength + _suite.TagLength);
        Span<byte> inner = destination.Slice(RecordHeader.Length, innerLength);
        inner[content.Length] = (byte)type;

        // RFC 8446 s5.4: padding is zeros.
        inner[(content.Length + 1)..].Clear();
        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        NextNonce(nonce);
        _crypto.Seal(new AeadKey(_suite.Aead, _keyId, Key), nonce, header, content, inner, destination.Slice(RecordHeader.Length + innerLength, _suite.TagLength));
        return RecordHeader.Length + innerLength + _suite.TagLength;
    }

    /// <summary>Opens one whole record into a destination that holds its inner plaintext; false if it does not authenticate.</summary>
    /// <param name="record">The record with its header.</param>
    /// <param name="plaintext">Gets the inner plaintext: content, content type, padding.</param>
    public bool TryOpen(ReadOnlySpan<byte> record, Span<byte> plaintext)
    {
        if (IsExhausted)
            return false;
        ReadOnlySpan<byte> header = record[..RecordHeader.Length];
        ReadOnlySpan<byte> ciphertext = record[RecordHeader.Length..^_suite.TagLength];
        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        NextNonce(nonce);
        if (_crypto.Open(new AeadKey(_suite.Aead, _keyId, Key), nonce, header, ciphertext, record[^_suite.TagLength..], plaintext))
            return true;

        // Skipped early data does not count (RFC 8446 s4.2.10).
        _sequence--;
        return false;
    }

    /// <summary>The next generation of keys (RFC 8446 s7.2).</summary>
    public void Update()
    {
        Span<byte> next = stackalloc byte[TlsHashes.MaxLength];
        next = next[.._suite.Hash.Length()];
        HkdfLabel.Expand(_crypto, _suite.Hash, datagram: false, Secret, "traffic upd"u8, default, next);
        next.CopyTo(Secret);
        CryptographicOperations.ZeroMemory(next);
        _crypto.Forget(_keyId);
        DeriveKeys();
        _crypto.Wipe();
    }

    public void Dispose()
    {
        _crypto.Forget(_keyId);
        _memory.Dispose();
    }

    private void DeriveKeys()
    {
        HkdfLabel.Expand(_crypto, _suite.Hash, datagram: false, Secret, "key"u8, default, Key);
        HkdfLabel.Expand(_crypto, _suite.Hash, datagram: false, Secret, "iv"u8, default, Iv);
        _keyId = AeadKey.NewId();
        _sequence = 0;
    }

    private void NextNonce(Span<byte> nonce)
    {
        Iv.CopyTo(nonce);
        Span<byte> counter = nonce[^sizeof(ulong)..];
        BinaryPrimitives.WriteUInt64BigEndian(counter, BinaryPrimitives.ReadUInt64BigEndian(counter) ^ _sequence);
        _sequence++;
    }
}
