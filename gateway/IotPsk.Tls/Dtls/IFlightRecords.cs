using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>Puts what a flight says into records of the epochs it is said in.</summary>
internal interface IFlightRecords
{
    /// <summary>What a record is longer than its content, in bytes.</summary>
    int Overhead(ushort epoch);

    /// <summary>The most content of a record that the peer takes, in bytes.</summary>
    int MaxContent(ushort epoch);

    /// <summary>Writes one record, each time with a new number (RFC 6347 s4.2.4).</summary>
    /// <returns>Its length.</returns>
    int WriteRecord(ushort epoch, ContentType type, ReadOnlySpan<byte> content, Span<byte> destination);
}
