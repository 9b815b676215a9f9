using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

/// <summary>
/// What an endpoint may know of a datagram without keys, to find the connection it belongs to. Nothing here is authenticated. Only the first
/// record is looked at: all records of a datagram are of one connection (RFC 9146 s4).
/// </summary>
public static class DtlsRecordHeader
{
    /// <summary>The longest connection id, in bytes (RFC 9146 s3).</summary>
    public const int MaxConnectionIdLength = 255;

    /// <summary>Reads the connection id of a datagram that begins with a tls12_cid record (RFC 9146 s4).</summary>
    /// <param name="datagram">As it came.</param>
    /// <param name="length">The length of the ids this endpoint gives out, 1..255 bytes; the wire does not say it.</param>
    /// <param name="connectionId">The id, within the datagram.</param>
    /// <returns>False if the datagram does not begin with a whole record of this kind.</returns>
    public static bool TryReadConnectionId(ReadOnlySpan<byte> datagram, int length, out ReadOnlySpan<byte> connectionId)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxConnectionIdLength);
        connectionId = default;
        if (!DtlsRecord.TryRead(datagram, length, out DtlsRecord record) || record.Type != ContentType.Tls12Cid)
            return false;
        connectionId = record.ConnectionId;
        return true;
    }

    /// <summary>
    /// True if the datagram begins with a ClientHello, or a fragment of one, in clear: a new association, a rebooted client at the address of an
    /// old one (RFC 6347 s4.2.8), or a repetition.
    /// </summary>
    /// <param name="datagram">As it came.</param>
    public static bool IsClientHello(ReadOnlySpan<byte> datagram) =>
        DtlsRecord.TryRead(datagram, 0, out DtlsRecord record) && record is { Type: ContentType.Handshake, Epoch: 0 } &&
        FragmentHeader.TryRead(record.Fragment, out FragmentHeader header) && header.Type == HandshakeType.ClientHello;

    /// <summary>The epoch of a datagram's first record: 0 in clear, more is protected.</summary>
    /// <param name="datagram">As it came.</param>
    /// <param name="length">The length of the ids this endpoint gives out, 0..255 bytes; 0 if it gives none.</param>
    /// <param name="epoch">0..65535.</param>
    /// <returns>False if the datagram does not begin with a whole record: drop it.</returns>
    public static bool TryReadEpoch(ReadOnlySpan<byte> datagram, int length, out int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxConnectionIdLength);
        bool whole = DtlsRecord.TryRead(datagram, length, out DtlsRecord record);
        epoch = whole ? record.Epoch : 0;
        return whole;
    }
}
