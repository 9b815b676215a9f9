using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls;

/// <summary>What a handshake over datagrams needs beside its state: its flight, its timer, what came in pieces. It goes when the handshake is done.</summary>
internal sealed class DtlsHandshake : IFlightRecords, IDisposable
{
    /// <summary>The longest record that is kept until there are keys for it, in bytes.</summary>
    public const int MaxEarlyRecord = 512;

    /// <summary>Repetitions of one flight of the peer within this time, in milliseconds, are answered once.</summary>
    public const long QuietTime = 400;

    private FlightTimer _timer;
    private byte[]? _early;
    private long _quietUntil = long.MinValue;
    private bool _hasGivenFlight;

    public DtlsHandshake(CryptoProvider crypto, DtlsSettings settings, ReadOnlySpan<byte> connectionId, DtlsState state)
    {
        Crypto = crypto;
        Settings = settings;
        OfferedId = connectionId.ToArray();
        State = state;
        _timer = new FlightTimer(settings.RetransmissionTimer, settings.MaxRetransmissions);
    }

    public CryptoProvider Crypto { get; }

    public DtlsSettings Settings { get; }

    public DtlsState State { get; set; }

    public ref FlightTimer Timer => ref _timer;

    public Flight Flight { get; } = new();

    public MessageReassembler Incoming { get; } = new();

    /// <summary>The numbers are set.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>The random of the hello that a server has taken; empty if it has not.</summary>
    public byte[] HelloRandom { get; set; } = [];

    /// <summary>The number of the message that is being taken.</summary>
    public ushort MessageSequence { get; set; }

    /// <summary>The id that this side would like to see in records.</summary>
    public byte[] OfferedId { get; }

    /// <summary>What was agreed (RFC 9146 s3): the id in the records that come. Empty: none.</summary>
    public byte[] OwnId { get; private set; } = [];

    /// <summary>What was agreed: the id in the records that go. Empty: none.</summary>
    public byte[] PeerId { get; private set; } = [];

    /// <summary>From when there are keys until the connection takes it.</summary>
    public DtlsAssociation? Association { get; private set; }

    /// <summary>True if a new flight waits for its timer.</summary>
    public bool HasNewFlight { get; set; }

    /// <summary>After change_cipher_spec records are protected.</summary>
    public ushort WriteEpoch { get; private set; }

    private ulong PlainSequence { get; set; }

    private ushort NextMessage { get; set; }

    private int MaxPlainContent { get; set; } = RecordHeader.MaxPlaintext;

    private ushort OwnLimit { get; set; } = RecordHeader.MaxPlaintext;

    private ushort PeerLimit { get; set; } = RecordHeader.MaxPlaintext;

    /// <summary>The last message of the peer's flight that the own one answers; -1 if it answers none.</summary>
    private int AnsweredMessage { get; set; } = -1;

    /// <summary>RFC 6347 s4.2.1, s4.2.2: a client begins with 0, a server with the numbers of the hello that has the right cookie.</summary>
    public void Start(ushort messageSequence, ulong recordSequence)
    {
        HasStarted = true;
        Incoming.Start(messageSequence);
        NextMessage = messageSequence;
        PlainSequence = recordSequence;
    }

    public void AgreeOnIds(ReadOnlySpan<byte> own, ReadOnlySpan<byte> peer)
    {
        OwnId = own.ToArray();
        PeerId = peer.ToArray();
    }

    /// <summary>True if records with this id of the peer fit in the datagrams of this side.</summary>
    public bool FitsDatagrams(ReadOnlySpan<byte> peerId) => peerId.Length <= Settings.Mtu - DtlsSettings.RoomBesideId;

    /// <summary>RFC 8449 s4: in version 1.2 a limit counts the content alone; RFC 6066 s4: so does max_fragment_length, which covers plain records too.</summary>
    public void LimitContent(int own, int peer, bool plainToo)
    {
        OwnLimit = (ushort)Math.Min(own, RecordHeader.MaxPlaintext);
        PeerLimit = (ushort)Math.Min(peer, RecordHeader.MaxPlaintext);
        if (plainToo)
            MaxPlainContent = PeerLimit;
    }

    /// <summary>What follows is a new flight: it answers the message that is being taken, or nothing.</summary>
    public void BeginFlight(bool isAnswer = true)
    {
        Flight.Clear();
        HasNewFlight = true;
        AnsweredMessage = isAnswer ? MessageSequence : -1;
        _quietUntil = long.MinValue;
    }

    /// <summary>Adds whole messages to the flight and to the transcript.</summary>
    /// <param name="messages">With headers of four bytes.</param>
    /// <param name="transcript">Null for a hello that may stay out of it.</param>
    public void Send(ReadOnlySpan<byte> messages, TranscriptHash? transcript)
    {
        while (!messages.IsEmpty)
        {
            int length = HandshakeMessage.HeaderLength + ((messages[1] << 16) | (messages[2] << 8) | messages[3]);
            ReadOnlySpan<byte> message = messages[..length];
            messages = messages[length..];
            if (transcript is not null)
                DtlsTranscript.Append(transcript, message, NextMessage);
            Flight.Add(message, NextMessage++, WriteEpoch);
        }
    }

    /// <summary>The number that the next message will have.</summary>
    public ushort PeekNextMessage() => NextMessage;

    /// <summary>Adds change_cipher_spec and Finished.</summary>
    public void SendFinished(Tls12Handshake handshake, bool ofClient)
    {
        Span<byte> buffer = stackalloc byte[HandshakeMessage.HeaderLength + MasterSecret.VerifyDataLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark finished = writer.BeginMessage(HandshakeType.Finished);
        handshake.ComputeFinished(ofClient, writer.Reserve(MasterSecret.VerifyDataLength));
        writer.EndVector(finished);
        Flight.AddChangeCipherSpec(WriteEpoch);
        WriteEpoch = DtlsAssociation.Epoch;
        Send(writer.Written, handshake.Transcript);
    }

    /// <summary>Takes a message of the peer into the transcript.</summary>
    public void Append(TranscriptHash transcript, in HandshakeMessage message) => DtlsTranscript.Append(transcript, message.Bytes, MessageSequence);

    /// <summary>The secrets are known: records of the next epoch can be opened.</summary>
    public void InstallKeys(Tls12Handshake handshake, bool isServer)
    {
        Association = DtlsAssociation.Create(handshake, isServer, OwnId, PeerId);
        Association.OwnLimit = OwnLimit;
        Association.PeerLimit = PeerLimit;
        Association.PaddingBlock = (ushort)Settings.RecordPadding;
    }

    public DtlsAssociation TakeAssociation()
    {
        DtlsAssociation association = Association ?? throw new InvalidOperationException("there are no keys");
        Association = null;
        return association;
    }

    /// <summary>Keeps one record that came before its keys.</summary>
    public void KeepEarly(in DtlsRecord record)
    {
        if (_early is null && record.Bytes.Length <= MaxEarlyRecord)
            _early = record.Bytes.ToArray();
    }

    public byte[]? TakeEarly()
    {
        byte[]? early = _early;
        _early = null;
        return early;
    }

    /// <summary>
    /// The peer repeats its last flight, so it has not got the answer (RFC 6347 s4.2.4): that is sent again, once for a repetition, of which copies
    /// and pieces may come at once. The timer goes on as it was, lest a stranger keep a handshake alive.
    /// </summary>
    public void OnRepetition(in FragmentHeader header, long now)
    {
        if (IsAnswered(header, AnsweredMessage, Flight, now, _quietUntil))
            Repeat(now);
    }

    /// <summary>Whether a message of the peer says that it has not got a flight, and nothing of that is on its way.</summary>
    public static bool IsAnswered(in FragmentHeader header, int answeredMessage, Flight flight, long now, long quietUntil) =>
        header.Sequence == answeredMessage && header.IsLast && !flight.HasOutput && now >= quietUntil;

    /// <summary>The handshake is done, and only its last flight stays.</summary>
    public LastFlight TakeLastFlight(DtlsAssociation keys, long deadline)
    {
        _hasGivenFlight = true;
        return new LastFlight(Flight, keys, new LastFlight.Numbers(PlainSequence, MaxPlainContent, AnsweredMessage, _quietUntil, HelloRandom), deadline);
    }

    /// <summary>Sends the flight again; what the peer repeats at the same time needs no other answer.</summary>
    public void Repeat(long now)
    {
        Flight.Rewind();
        _quietUntil = now + QuietTime;
    }

    public int Overhead(ushort epoch) => epoch == 0 ? DtlsRecord.HeaderLength : FlightKeys.Overhead;

    public int MaxContent(ushort epoch) => epoch == 0 ? MaxPlainContent : FlightKeys.PeerLimit;

    public int WriteRecord(ushort epoch, ContentType type, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        if (epoch != 0)
            return FlightKeys.Seal(type, content, destination);
        return DtlsRecord.WritePlain(type, PlainSequence++, content, destination);
    }

    public void Dispose()
    {
        State.Dispose();
        if (!_hasGivenFlight)
            Flight.Dispose();
        Incoming.Dispose();
        Association?.Dispose();
    }

    private DtlsAssociation FlightKeys => Association ?? throw new InvalidOperationException("there are no keys");
}
