using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls;

internal sealed partial class DtlsAssociation
{
    /// <summary>How far the numbers of records jump: what was sent after saving, against all rules, would still be under other numbers.</summary>
    public const ulong SequenceJump = 1UL << 24;

    /// <summary>Suite, limits, lengths, and four counters.</summary>
    private const int SavedOverhead = 2 + 2 + 2 + 1 + 1 + (4 * 8);

    public int SavedLength => SavedOverhead + _memory.Length;

    /// <summary>Null if it is none.</summary>
    public static DtlsAssociation? Load(CryptoProvider crypto, ref WireReader reader)
    {
        if (!reader.TryReadUInt16(out ushort suite) || !Tls12Suite.TryGet((CipherSuite)suite, out Tls12Suite? row) || !crypto.Supports(row.Aead) ||
            !reader.TryReadUInt16(out ushort ownLimit) || !reader.TryReadUInt16(out ushort peerLimit) ||
            !reader.TryReadUInt64(out ulong sent) || !reader.TryReadUInt64(out ulong sealedRecords) || !reader.TryReadUInt64(out ulong forged) || !reader.TryReadUInt64(out ulong next) ||
            sent > DtlsRecord.MaxSequence + 1 || next > DtlsRecord.MaxSequence + 1 ||
            !reader.TryReadVector8(out ReadOnlySpan<byte> ownId) || !reader.TryReadVector8(out ReadOnlySpan<byte> peerId) ||
            !reader.TryReadBytes(2 * (row.KeyLength + row.FixedIvLength), out ReadOnlySpan<byte> keys) || !reader.IsEmpty)
            return null;
        var association = new DtlsAssociation(crypto, row, ownId, peerId)
        {
            OwnLimit = ownLimit,
            PeerLimit = peerLimit,
            SendSequence = sent + SequenceJump,
            Sealed = sealedRecords,
            Forged = forged,
            _window = ReplayWindow.Above(next),
        };
        keys.CopyTo(association._memory.Span);
        return association;
    }

    public void Save(ref WireWriter writer)
    {
        writer.WriteUInt16((ushort)Suite.Suite);
        writer.WriteUInt16(OwnLimit);
        writer.WriteUInt16(PeerLimit);
        writer.WriteUInt64(SendSequence);
        writer.WriteUInt64(Sealed);
        writer.WriteUInt64(Forged);
        writer.WriteUInt64(_window.Next);
        writer.WriteVector8(OwnId);
        writer.WriteVector8(PeerId);
        writer.WriteBytes(_memory.Span[..KeysLength]);
    }
}
