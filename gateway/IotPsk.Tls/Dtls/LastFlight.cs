using System.Buffers.Binary;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Dtls;

/// <summary>
/// All that is kept of a handshake once it is done: the flight that the peer may not have got (RFC 6347 s4.2.4). There may be as many as
/// associations, so it is small.
/// </summary>
internal sealed class LastFlight : IFlightRecords, IDisposable
{
    /// <summary>How long it is kept: twice the lifetime of a segment (RFC 6347 s4.2.4), in milliseconds.</summary>
    public const long Lifetime = 240_000;

    private readonly DtlsAssociation _keys;
    private readonly int _maxPlainContent;
    private readonly int _answeredMessage;
    private readonly ulong _hello;
    private ulong _plainSequence;
    private long _quietUntil;

    /// <param name="flight">What may have to be said again; owned from now on.</param>
    /// <param name="keys">Of its protected records; not owned.</param>
    /// <param name="numbers">Where the handshake stands.</param>
    /// <param name="deadline">When it need not be kept any longer.</param>
    public LastFlight(Flight flight, DtlsAssociation keys, in Numbers numbers, long deadline)
    {
        flight.Trim();
        Flight = flight;
        _keys = keys;
        _plainSequence = numbers.PlainSequence;
        _maxPlainContent = numbers.MaxPlainContent;
        _answeredMessage = numbers.AnsweredMessage;
        _quietUntil = numbers.QuietUntil;
        _hello = MarkOf(numbers.HelloRandom);
        Deadline = deadline;
    }

    public Flight Flight { get; }

    public long Deadline { get; }

    /// <summary>The peer repeats the flight that this one answers.</summary>
    public void OnRepetition(in FragmentHeader header, long now)
    {
        if (DtlsHandshake.IsAnswered(header, _answeredMessage, Flight, now, _quietUntil))
        {
            Flight.Rewind();
            _quietUntil = now + DtlsHandshake.QuietTime;
        }
    }

    /// <summary>Whether the hello with this random began the handshake.</summary>
    public bool IsOf(ReadOnlySpan<byte> helloRandom) => !helloRandom.IsEmpty && MarkOf(helloRandom) == _hello;

    public int Overhead(ushort epoch) => epoch == 0 ? DtlsRecord.HeaderLength : _keys.Overhead;

    public int MaxContent(ushort epoch) => epoch == 0 ? _maxPlainContent : _keys.PeerLimit;

    public int WriteRecord(ushort epoch, ContentType type, ReadOnlySpan<byte> content, Span<byte> destination) => epoch == 0
        ? DtlsRecord.WritePlain(type, _plainSequence++, content, destination)
        : _keys.Seal(type, content, destination);

    public void Dispose() => Flight.Dispose();

    private static ulong MarkOf(ReadOnlySpan<byte> random) => random.Length < sizeof(ulong) ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(random);

    /// <summary>Where a handshake stands when it is done.</summary>
    /// <param name="PlainSequence">The number of the next record in clear.</param>
    /// <param name="MaxPlainContent">The most content of a record in clear, in bytes.</param>
    /// <param name="AnsweredMessage">The last message of the peer's flight that the own one answers; -1 if it answers none.</param>
    /// <param name="QuietUntil">Until when repetitions are not answered.</param>
    /// <param name="HelloRandom">Of the hello that a server has taken.</param>
    public readonly record struct Numbers(ulong PlainSequence, int MaxPlainContent, int AnsweredMessage, long QuietUntil, byte[] HelloRandom);
}
