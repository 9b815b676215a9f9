using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

/// <summary>
/// One end of a DTLS 1.2 association with pre-shared keys, without any I/O and without a clock: datagrams go in and out through the caller's
/// buffers, and the time is told in milliseconds of any monotonic clock. After the handshake it keeps raw keys and counters, a few hundred bytes.
/// Not for use by two threads at once.
/// </summary>
public abstract partial class PskDtlsConnection : IDisposable
{
    private DtlsAssociation? _association;
    private DtlsHandshake? _handshake;

    /// <summary>Once connected, as long as the peer may not have got it.</summary>
    private LastFlight? _lastFlight;

    /// <summary>One datagram that goes after the flight: an alert.</summary>
    private byte[]? _pending;

    private byte[]? _applicationProtocol;
    private DtlsExporter? _exporter;
    private int _handshakeBytesReceived;
    private int _handshakeBytesSent;
    private ushort _mtu;
    private ushort _group;
    private byte _declined;
    private byte _ticketsIssued;
    private Flags _flags;

    private protected PskDtlsConnection(DtlsHandshake handshake)
    {
        _handshake = handshake;
        _mtu = (ushort)handshake.Settings.Mtu;
    }

    /// <summary>What is known of an association that was saved.</summary>
    private protected PskDtlsConnection(DtlsSettings settings) => _mtu = (ushort)settings.Mtu;

    [Flags]
    private enum Flags : byte
    {
        None = 0,
        Connected = 1,
        Over = 2,
        Disposed = 4,
        Newest = 8,
        WornOut = 16,
        ExtendedMasterSecret = 32,
        Resumed = 64,
    }

    /// <summary>True once the handshake is done, until the association ends.</summary>
    public bool IsConnected => Is(Flags.Connected) && !Is(Flags.Over);

    /// <summary>Why the association failed; null while it has not, and after a close_notify.</summary>
    public TlsError? Error { get; private set; }

    /// <summary>True if the keys have done what is safe and the association ended for it: the peer has to connect anew.</summary>
    public bool IsWornOut => Is(Flags.WornOut);

    /// <summary>True if the record that the last <see cref="Receive"/> took authenticated and is newer than every earlier one: only then may the peer's address move (RFC 9146 s6).</summary>
    public bool LastRecordIsNewest => Is(Flags.Newest);

    /// <summary>What was agreed; null until the handshake is done and after the end. Made anew at each call, for an association keeps little: ask once.</summary>
    public PskTlsSession? Session => _association is not { } association || !IsConnected ? null : new PskTlsSession
    {
        Version = TlsProtocol.Dtls12,
        CipherSuite = association.Suite.Suite,
        KeyExchangeMode = association.Suite.Mode,
        Group = (NamedGroup)_group,
        Binder = Is(Flags.Resumed) ? PskBinder.Resumption : PskBinder.External,
        HandshakeBytesReceived = _handshakeBytesReceived,
        HandshakeBytesSent = _handshakeBytesSent,
        PeerRecordSizeLimit = association.PeerLimit,
        TicketsIssued = _ticketsIssued,
        HasExtendedMasterSecret = Is(Flags.ExtendedMasterSecret),
        ApplicationProtocol = _applicationProtocol,
    };

    /// <summary>The most that one datagram may carry, in bytes of UDP payload, 256..65507, and 128 more than the peer's connection id; may change at any time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int Mtu
    {
        get => _mtu;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, PeerConnectionId.Length + DtlsSettings.RoomBesideId);
            _mtu = (ushort)DtlsSettings.DatagramSize(value);
        }
    }

    /// <summary>The most plaintext that <see cref="Write"/> takes, in bytes: what fits in a datagram and in a record of the peer; 0 if there is no association.</summary>
    public int MaxPlaintext => _association is { } association && IsConnected ? Math.Clamp(_mtu - association.Overhead, 0, association.PeerLimit) : 0;

    /// <summary>True if the peer's records carry <see cref="LocalConnectionId"/>: the association is found by it, from whatever address.</summary>
    public bool UsesConnectionId => LocalIdLength > 0;

    /// <summary>The id in the records that come (RFC 9146); empty if there is none.</summary>
    public ReadOnlySpan<byte> LocalConnectionId => _association is { } association ? association.OwnId : _handshake is { } handshake ? handshake.OwnId : default;

    /// <summary>The id in the records that go (RFC 9146); empty if there is none.</summary>
    public ReadOnlySpan<byte> PeerConnectionId => _association is { } association ? association.PeerId : _handshake is { } handshake ? handshake.PeerId : default;

    /// <summary>True if <see cref="Flush"/> has a datagram.</summary>
    public bool HasOutput => _handshake is { Flight.HasOutput: true } || _lastFlight is { Flight.HasOutput: true } || _pending is not null;

    /// <summary>When <see cref="Tick"/> wants to be called, by the owner's clock; <see cref="long.MaxValue"/> if there is nothing to do.</summary>
    public long Deadline => _handshake is { } handshake ? handshake.Timer.Deadline : _lastFlight?.Deadline ?? FlightTimer.None;

    /// <summary>For tests that age keys and send what this engine would not.</summary>
    internal DtlsAssociation? Association => _association ?? _handshake?.Association;

    private protected DtlsState? State => _handshake?.State;

    /// <summary>Whether this is the random of the hello that a server has taken.</summary>
    private protected bool IsHelloRandom(ReadOnlySpan<byte> random) =>
        _handshake is { } handshake ? handshake.HelloRandom.Length > 0 && random.SequenceEqual(handshake.HelloRandom) : _lastFlight is { } last && last.IsOf(random);

    /// <summary>A server has taken a hello, and something is left of the handshake.</summary>
    private protected bool HasHello => _handshake is { HelloRandom.Length: > 0 } || _lastFlight is not null;

    /// <summary>The library, while there is a handshake.</summary>
    private protected CryptoProvider? HandshakeCrypto => _handshake?.Crypto;

    private int LocalIdLength => _association is { } association ? association.OwnIdLength : _handshake is { } handshake ? handshake.OwnId.Length : 0;

    private PskTlsStatus Status
    {
        get
        {
            if (Is(Flags.Over))
                return PskTlsStatus.Closed;
            return State is { Question: not null, CanContinue: false } ? PskTlsStatus.NeedsPsk : PskTlsStatus.Complete;
        }
    }

    /// <summary>Goes on without a datagram: starts a client, or takes the owner's answer to <see cref="PskTlsStatus.NeedsPsk"/>. Look at <see cref="HasOutput"/> afterwards.</summary>
    /// <param name="now">Milliseconds of the owner's clock.</param>
    public PskTlsStatus Continue(long now)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        if (_handshake is { State.CanContinue: true } handshake && !Is(Flags.Over))
        {
            try
            {
                DtlsState next = handshake.State.Continue(handshake, out TlsErrorReason error);
                Enter(next, error, now);
                Deliver(now);
                ReplayEarly(now);
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
            }
        }

        return Status;
    }

    /// <summary>Writes the next datagram of what waits to be sent; call it until it returns false.</summary>
    /// <param name="destination">Gets one datagram, of at most <see cref="Mtu"/> bytes.</param>
    /// <param name="written">Its length.</param>
    /// <returns>False if there is none.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than <see cref="Mtu"/>.</exception>
    public bool Flush(Span<byte> destination, out int written)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        if (destination.Length < _mtu)
            throw new ArgumentException($"a datagram takes {_mtu} bytes", nameof(destination));
        written = 0;
        if (_handshake is { Flight.HasOutput: true } || _lastFlight is { Flight.HasOutput: true })
        {
            try
            {
                Span<byte> datagram = destination[.._mtu];
                written = _handshake is { } handshake ? handshake.Flight.WriteDatagram(datagram, handshake) : _lastFlight!.Flight.WriteDatagram(datagram, _lastFlight);
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
            }

            _handshakeBytesSent += written;
            if (written > 0)
                return true;
        }

        if (_pending is not { } pending)
            return false;
        pending.CopyTo(destination);
        written = pending.Length;
        _pending = null;
        return true;
    }

    /// <summary>Call it at or after <see cref="Deadline"/>: repeats the flight, gives the handshake up, or forgets what is left of it.</summary>
    /// <param name="now">Milliseconds of the owner's clock.</param>
    /// <returns><see cref="PskTlsStatus.Closed"/> if the handshake was given up: <see cref="Error"/> is <see cref="TlsErrorReason.HandshakeTimedOut"/>.</returns>
    public PskTlsStatus Tick(long now)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        if (now < Deadline)
            return Status;
        if (_handshake is not { } handshake)
            DropHandshake();
        else if (handshake.Timer.TryRepeat(now))
            handshake.Repeat(now);
        else
            Fail(TlsErrorReason.HandshakeTimedOut);
        return Status;
    }

    /// <summary>Makes one record of data, which is one datagram.</summary>
    /// <param name="plaintext">0 to <see cref="MaxPlaintext"/> bytes.</param>
    /// <param name="destination">Gets the datagram; <see cref="Mtu"/> bytes are enough.</param>
    /// <param name="written">Bytes to send.</param>
    /// <returns>
    /// <see cref="PskTlsStatus.Complete"/>; <see cref="PskTlsStatus.DestinationTooSmall"/>; <see cref="PskTlsStatus.Closed"/> if the association is over,
    /// and if bytes were written they are the close_notify of keys that are worn out (<see cref="IsWornOut"/>).
    /// </returns>
    /// <exception cref="InvalidOperationException">The handshake is not done.</exception>
    /// <exception cref="ArgumentException">The plaintext is longer than <see cref="MaxPlaintext"/>.</exception>
    public PskTlsStatus Write(ReadOnlySpan<byte> plaintext, Span<byte> destination, out int written)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        written = 0;
        if (Is(Flags.Over))
            return PskTlsStatus.Closed;
        if (_association is not { } association)
            throw new InvalidOperationException("the handshake is not done");
        if (plaintext.Length > MaxPlaintext)
            throw new ArgumentException($"a datagram carries at most {MaxPlaintext} bytes here", nameof(plaintext));
        if (destination.Length < plaintext.Length + association.Overhead)
            return PskTlsStatus.DestinationTooSmall;
        if (association.IsExhausted)
        {
            Fail(TlsErrorReason.SequenceExhausted);
            return PskTlsStatus.Closed;
        }

        if (association.IsWornOut)
        {
            _flags |= Flags.WornOut;
            Shutdown(destination, out written);
            return PskTlsStatus.Closed;
        }

        try
        {
            written = association.Seal(ContentType.ApplicationData, plaintext, destination[..Math.Min(destination.Length, (int)_mtu)]);
            return PskTlsStatus.Complete;
        }
        catch (CryptographicException)
        {
            Fail(TlsErrorReason.CryptoFailure);
            return PskTlsStatus.Closed;
        }
    }

    /// <summary>Ends the association with a close_notify, which is one datagram; before the end of the handshake in silence.</summary>
    /// <param name="destination">Gets the datagram; <see cref="Mtu"/> bytes are enough.</param>
    /// <param name="written">Bytes to send; 0 if there is nobody to tell.</param>
    /// <returns><see cref="PskTlsStatus.Closed"/>, or <see cref="PskTlsStatus.DestinationTooSmall"/> if nothing was done.</returns>
    public PskTlsStatus Shutdown(Span<byte> destination, out int written)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        written = 0;
        if (Is(Flags.Over))
            return PskTlsStatus.Closed;
        if (_association is { IsExhausted: false } association)
        {
            if (destination.Length < association.Overhead + AlertLength)
                return PskTlsStatus.DestinationTooSmall;
            try
            {
                written = association.Seal(ContentType.Alert, [RecordLayer.AlertLevelWarning, (byte)AlertDescription.CloseNotify], destination);
            }
            catch (CryptographicException)
            {
                Fail(TlsErrorReason.CryptoFailure);
                return PskTlsStatus.Closed;
            }
        }

        End(error: null);
        return PskTlsStatus.Closed;
    }

    /// <summary>Derives a key for another protocol that both ends, and nobody else, can derive (RFC 5705). Only if the options say that exporters are kept.</summary>
    /// <param name="label">A registered label or one that begins with "EXPERIMENTAL", ASCII.</param>
    /// <param name="context">What the key is for, 0..65535 bytes; empty means "no context".</param>
    /// <param name="destination">Is filled.</param>
    /// <exception cref="InvalidOperationException">There is no association, it keeps no exporter, or it lacks extended_master_secret (RFC 7627 s6.2).</exception>
    /// <exception cref="CryptographicException">The library failed.</exception>
    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(Is(Flags.Disposed), this);
        if (!IsConnected || _exporter is not { } exporter || !Is(Flags.ExtendedMasterSecret))
            throw new InvalidOperationException("there is no association that exports keys");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context.Length, ushort.MaxValue, nameof(context));
        exporter.Export(label, context, destination);
    }

    /// <summary>Zeroes the keys and returns the buffers. Nothing is sent.</summary>
    public void Dispose()
    {
        if (Is(Flags.Disposed))
            return;
        _flags |= Flags.Disposed | Flags.Over;
        DropHandshake();
        DropKeys();
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>What a role has beside.</summary>
    /// <param name="disposing">True.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private protected virtual void OnConnected(DtlsConnected connected, ReadOnlySpan<byte> masterSecret)
    {
    }

    /// <summary>The association failed: what others keep of it goes.</summary>
    private protected virtual void OnFailed()
    {
    }

    private bool Is(Flags flag) => (_flags & flag) != 0;

    private void DropHandshake()
    {
        _handshake?.Dispose();
        _handshake = null;
        _lastFlight?.Dispose();
        _lastFlight = null;
    }

    private void DropKeys()
    {
        _association?.Dispose();
        _exporter?.Dispose();
        _association = null;
        _exporter = null;
    }
}
