using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls;

/// <summary>
/// The keys of DTLS 1.2 and what counts their use; all that is left of an association while nobody speaks. There is one epoch with keys, for
/// nobody renegotiates.
/// </summary>
internal sealed partial class DtlsAssociation : IDisposable
{
    /// <summary>The epoch after the one change_cipher_spec (RFC 6347 s4.1).</summary>
    public const ushort Epoch = 1;

    private readonly CryptoProvider _crypto;

    /// <summary>Write key, write IV, read key, read IV, own id, peer's id.</summary>
    private readonly SecretBuffer _memory;

    private readonly long _writeKeyId = AeadKey.NewId();
    private readonly long _readKeyId = AeadKey.NewId();
    private readonly byte _ownIdLength;
    private readonly byte _peerIdLength;
    private ReplayWindow _window;

    private DtlsAssociation(CryptoProvider crypto, Tls12Suite suite, ReadOnlySpan<byte> ownId, ReadOnlySpan<byte> peerId)
    {
        _crypto = crypto;
        Suite = suite;
        _ownIdLength = (byte)ownId.Length;
        _peerIdLength = (byte)peerId.Length;
        _memory = new SecretBuffer(KeysLength + ownId.Length + peerId.Length);
        ownId.CopyTo(_memory.Span[KeysLength..]);
        peerId.CopyTo(_memory.Span[(KeysLength + ownId.Length)..]);
    }

    public Tls12Suite Suite { get; }

    /// <summary>The most content that the peer may send in a record, in bytes.</summary>
    public ushort OwnLimit { get; set; } = RecordHeader.MaxPlaintext;

    /// <summary>The most content that the peer takes in a record, in bytes.</summary>
    public ushort PeerLimit { get; set; } = RecordHeader.MaxPlaintext;

    /// <summary>Records with a connection id are padded to multiples of this many bytes; 1 is no padding.</summary>
    public ushort PaddingBlock { get; set; } = 1;

    /// <summary>The number of the next record that is sent.</summary>
    internal ulong SendSequence { get; set; }

    /// <summary>How many records were sealed: less than the number says if that jumped.</summary>
    internal ulong Sealed { get; set; }

    /// <summary>How many records did not authenticate.</summary>
    internal ulong Forged { get; set; }

    /// <summary>What the peer's records carry; empty: they carry none.</summary>
    public ReadOnlySpan<byte> OwnId => _memory.Span.Slice(KeysLength, _ownIdLength);

    /// <summary>What this side's records carry; empty: they carry none.</summary>
    public ReadOnlySpan<byte> PeerId => _memory.Span[(KeysLength + _ownIdLength)..];

    public int OwnIdLength => _ownIdLength;

    /// <summary>What a record is longer than its content, padding apart.</summary>
    public int Overhead => DtlsRecord.HeaderLength + (_peerIdLength > 0 ? _peerIdLength + 1 : 0) + Expansion;

    /// <summary>True when the key has done what is safe.</summary>
    public bool IsWornOut => Sealed >= Suite.MaxRecords;

    /// <summary>RFC 6347 s4.1: record numbers do not wrap.</summary>
    public bool IsExhausted => SendSequence > DtlsRecord.MaxSequence;

    private int DirectionLength => Suite.KeyLength + Suite.FixedIvLength;

    private int KeysLength => 2 * DirectionLength;

    private int Expansion => Suite.ExplicitNonceLength + Suite.TagLength;

    /// <summary>How many forgeries a key bears (RFC 9147 s4.5.3 for the same algorithms); with a tag of 8 bytes one in 2^44 attacks would succeed.</summary>
    private ulong MaxForged => Suite.Aead switch
    {
        AeadAlgorithm.Aes128Ccm8 => 1UL << 20,
        AeadAlgorithm.Aes128Ccm => 1UL << 23,
        _ => 1UL << 36,
    };

    /// <summary>Derives the keys of a handshake.</summary>
    public static DtlsAssociation Create(Tls12Handshake handshake, bool isServer, ReadOnlySpan<byte> ownId, ReadOnlySpan<byte> peerId)
    {
        Tls12Suite suite = handshake.Suite;
        var association = new DtlsAssociation(handshake.Crypto, suite, ownId, peerId);
        Span<byte> block = stackalloc byte[Tls12Suite.MaxKeyBlockLength];
        block = block[..association.KeysLength];
        handshake.Master!.ExpandKeyBlock(handshake.Randoms, block);
        int keys = suite.KeyLength, ivs = suite.FixedIvLength;
        ReadOnlySpan<byte> fixedIvs = block[(2 * keys)..];
        Set(association.Direction(write: !isServer), block[..keys], fixedIvs[..ivs]);
        Set(association.Direction(write: isServer), block.Slice(keys, keys), fixedIvs[ivs..]);
        CryptographicOperations.ZeroMemory(block);
        return association;

        static void Set(Span<byte> direction, ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv)
        {
            key.CopyTo(direction);
            iv.CopyTo(direction[key.Length..]);
        }
    }

    /// <summary>Writes one record; the destination has room for the content, its padding and <see cref="Overhead"/>. The numbers must not be used up.</summary>
    /// <returns>The length of the record.</returns>
    public int Seal(ContentType type, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        ReadOnlySpan<byte> id = PeerId;
        int innerLength = id.IsEmpty ? content.Length : PaddedLength(content.Length, destination.Length);
        int start = DtlsRecord.WriteHeader(
            destination, id.IsEmpty ? type : ContentType.Tls12Cid, DtlsRecord.NumberOf(Epoch, SendSequence), id, innerLength + Expansion);
        ReadOnlySpan<byte> header = destination[..start];

        // RFC 6655 s3, RFC 5288 s3: the explicit part never repeats under a key; epoch and sequence number do not.
        Span<byte> explicitNonce = destination.Slice(start, Suite.ExplicitNonceLength);
        header.Slice(DtlsRecord.EpochOffset, explicitNonce.Length).CopyTo(explicitNonce);
        Span<byte> inner = destination.Slice(start + explicitNonce.Length, innerLength);
        content.CopyTo(inner);
        if (!id.IsEmpty)
        {
            // RFC 9146 s4: content, real type, zeros.
            inner[content.Length] = (byte)type;
            inner[(content.Length + 1)..].Clear();
        }

        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        Span<byte> associatedData = stackalloc byte[DtlsAssociatedData.MaxLength];
        Span<byte> direction = Direction(write: true);
        SetNonce(direction[Suite.KeyLength..], explicitNonce, header.Slice(DtlsRecord.EpochOffset, sizeof(ulong)), nonce);
        associatedData = associatedData[..DtlsAssociatedData.Write(header, id, innerLength, associatedData)];
        _crypto.Seal(
            new AeadKey(Suite.Aead, _writeKeyId, direction[..Suite.KeyLength]), nonce, associatedData, inner, destination.Slice(start + explicitNonce.Length + innerLength, Suite.TagLength));
        SendSequence++;
        Sealed++;
        return start + innerLength + Expansion;
    }

    /// <summary>Opens one record, silently dropping what is not for this association, not new or not authentic.</summary>
    /// <param name="record">As it came.</param>
    /// <param name="destination">Gets the content, and for a while its padding.</param>
    /// <param name="type">Of the content.</param>
    /// <param name="length">Of the content.</param>
    /// <param name="newest">The record is newer than every earlier one.</param>
    public OpenStatus Open(in DtlsRecord record, Span<byte> destination, out ContentType type, out int length, out bool newest)
    {
        type = record.Type;
        length = record.Fragment.Length - Expansion;
        newest = false;

        // RFC 9146 s4: with an id negotiated, records without it are none of this association, and the other way round.
        if (record.Epoch != Epoch || length < 0 || (record.Type == ContentType.Tls12Cid) != (_ownIdLength > 0) || !record.ConnectionId.SequenceEqual(OwnId))
            return OpenStatus.Dropped;
        if (!_window.IsNew(record.Sequence) || length > OwnLimit + PaddingAllowance)
            return OpenStatus.Dropped;
        if (destination.Length < length)
            return OpenStatus.DestinationTooSmall;
        Span<byte> plaintext = destination[..length];
        if (!TryOpen(record, plaintext))
            return ++Forged >= MaxForged ? OpenStatus.KeyInDanger : OpenStatus.Dropped;

        // RFC 6347 s4.1.2.6: the window moves only for records that are authentic.
        newest = _window.Add(record.Sequence);
        if (record.Type == ContentType.Tls12Cid && !TryUnwrap(plaintext, out type, out length))
            return OpenStatus.Dropped;

        // RFC 8449 s4: a record over the limit may be discarded in DTLS.
        return length <= OwnLimit ? OpenStatus.Opened : OpenStatus.Dropped;
    }

    public void Dispose()
    {
        _crypto.Forget(_writeKeyId);
        _crypto.Forget(_readKeyId);
        _memory.Dispose();
    }

    /// <summary>Padding and content type may come on top of the limit of the content.</summary>
    private int PaddingAllowance => _ownIdLength > 0 ? RecordHeader.MaxPlaintext + 1 : 0;

    private Span<byte> Direction(bool write) => write ? _memory.Span[..DirectionLength] : _memory.Span.Slice(DirectionLength, DirectionLength);

    /// <summary>RFC 9146 s4: takes padding and real type off; false if there is no type.</summary>
    private static bool TryUnwrap(ReadOnlySpan<byte> inner, out ContentType type, out int length)
    {
        length = inner.LastIndexOfAnyExcept((byte)0);
        type = length < 0 ? ContentType.Invalid : (ContentType)inner[length];
        return length >= 0;
    }

    private bool TryOpen(in DtlsRecord record, Span<byte> plaintext)
    {
        ReadOnlySpan<byte> fragment = record.Fragment;
        Span<byte> nonce = stackalloc byte[CipherSuiteParameters.NonceLength];
        Span<byte> associatedData = stackalloc byte[DtlsAssociatedData.MaxLength];
        Span<byte> direction = Direction(write: false);
        SetNonce(direction[Suite.KeyLength..], fragment[..Suite.ExplicitNonceLength], record.Number, nonce);
        associatedData = associatedData[..DtlsAssociatedData.Write(record.Bytes, record.ConnectionId, plaintext.Length, associatedData)];
        return _crypto.Open(
            new AeadKey(Suite.Aead, _readKeyId, direction[..Suite.KeyLength]), nonce, associatedData,
            fragment[Suite.ExplicitNonceLength..^Suite.TagLength], fragment[^Suite.TagLength..], plaintext);
    }

    private void SetNonce(ReadOnlySpan<byte> fixedIv, ReadOnlySpan<byte> explicitNonce, ReadOnlySpan<byte> number, Span<byte> nonce)
    {
        fixedIv.CopyTo(nonce);
        if (!explicitNonce.IsEmpty)
        {
            explicitNonce.CopyTo(nonce[Suite.FixedIvLength..]);
            return;
        }

        // RFC 7905 s2: epoch and sequence number, padded on the left, XORed with the IV.
        Span<byte> counter = nonce[^sizeof(ulong)..];
        BinaryPrimitives.WriteUInt64BigEndian(counter, BinaryPrimitives.ReadUInt64BigEndian(counter) ^ BinaryPrimitives.ReadUInt64BigEndian(number));
    }

    /// <summary>Content, type and as much padding as limit and room allow.</summary>
    private int PaddedLength(int contentLength, int room)
    {
        int padded = (contentLength + PaddingBlock) / PaddingBlock * PaddingBlock;
        int most = Math.Min(PeerLimit + 1, room - (Overhead - 1));
        return Math.Max(contentLength + 1, Math.Min(padded, most));
    }
}
