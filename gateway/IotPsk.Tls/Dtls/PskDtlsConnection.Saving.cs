using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls;

public abstract partial class PskDtlsConnection
{
    private const byte SavedFormat = 1;

    /// <summary>Format, role, flags, group, lengths of ids and names, two counters of bytes, tickets.</summary>
    private const int SavedOverhead = 1 + 1 + 1 + 2 + 4 + 4 + 1 + 1 + 2;

    /// <summary>How many bytes <see cref="Save"/> writes now.</summary>
    /// <exception cref="InvalidOperationException">There is no association.</exception>
    public int SavedLength =>
        SavedOverhead + (_applicationProtocol?.Length ?? 0) + (_exporter is null ? 0 : DtlsExporter.SavedLength) + RequireAssociation().SavedLength;

    /// <summary>
    /// Writes the secrets of the association, for the owner to seal, and ends it here without a word to the peer. Of what is written only one copy may
    /// ever be loaded: two would seal different data under the same numbers, which lays the keys of AES-GCM bare. The loaded association goes on 2^24
    /// numbers later, and takes nothing older than what came before it was saved.
    /// </summary>
    /// <param name="destination">Gets <see cref="SavedLength"/> bytes.</param>
    /// <returns>How many were written.</returns>
    /// <exception cref="InvalidOperationException">There is no association.</exception>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public int Save(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        DtlsAssociation association = RequireAssociation();
        if (destination.Length < SavedLength)
            throw new ArgumentException($"the association takes {SavedLength} bytes", nameof(destination));
        var writer = new WireWriter(destination);
        writer.WriteByte(SavedFormat);
        writer.WriteByte(this is PskDtlsServer ? (byte)1 : (byte)0);
        writer.WriteByte((byte)(_flags & (Flags.ExtendedMasterSecret | Flags.Resumed)));
        writer.WriteUInt16(_group);
        writer.WriteUInt32((uint)_handshakeBytesReceived);
        writer.WriteUInt32((uint)_handshakeBytesSent);
        writer.WriteByte(_ticketsIssued);
        writer.WriteVector8(_applicationProtocol);
        WireWriter.Mark exporter = writer.BeginVector(2);
        _exporter?.Save(writer.Reserve(DtlsExporter.SavedLength));
        writer.EndVector(exporter);
        association.Save(ref writer);
        End(error: null);
        return writer.Position;
    }

    private protected void Restore(ReadOnlySpan<byte> saved, bool isServer, DtlsSettings settings, CryptoProvider crypto)
    {
        var reader = new WireReader(saved);
        if (!reader.TryReadByte(out byte format) || format != SavedFormat || !reader.TryReadByte(out byte role) || role != (isServer ? 1 : 0) ||
            !reader.TryReadByte(out byte flags) || !reader.TryReadUInt16(out _group) || !reader.TryReadUInt32(out uint received) || !reader.TryReadUInt32(out uint sent) ||
            !reader.TryReadByte(out _ticketsIssued) || !reader.TryReadVector8(out ReadOnlySpan<byte> protocol) || !reader.TryReadVector16(out ReadOnlySpan<byte> exporter) ||
            exporter.Length is not (0 or DtlsExporter.SavedLength) || DtlsAssociation.Load(crypto, ref reader) is not { } association)
            throw new FormatException("this is no saved association of this role");
        _association = association;
        association.PaddingBlock = (ushort)settings.RecordPadding;
        _flags = Flags.Connected | ((Flags)flags & (Flags.ExtendedMasterSecret | Flags.Resumed));
        _handshakeBytesReceived = (int)received;
        _handshakeBytesSent = (int)sent;
        _applicationProtocol = protocol.IsEmpty ? null : protocol.ToArray();
        if (settings.KeepsExporter && !exporter.IsEmpty)
            _exporter = new DtlsExporter(crypto, exporter[..Tls12.MasterSecret.Length], exporter[Tls12.MasterSecret.Length..]);
    }

    private protected static void RequireConnectionId(ReadOnlySpan<byte> connectionId, bool allowed)
    {
        if (connectionId.Length > Extensions.ConnectionId.MaxLength)
            throw new ArgumentException("a connection id has at most 255 bytes (RFC 9146 s3)", nameof(connectionId));
        if (!connectionId.IsEmpty && !allowed)
            throw new ArgumentException("the options say that there are no connection ids", nameof(connectionId));
    }

    private DtlsAssociation RequireAssociation() => _association ?? throw new InvalidOperationException("there is no association");
}
