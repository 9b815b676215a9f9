using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls12;

/// <summary>Both Finished messages are verified: the connection takes what it keeps from here.</summary>
internal sealed class DtlsConnected : DtlsState
{
    private Tls12Handshake? _handshake;

    /// <param name="verified">Data is trusted only from a peer that passed.</param>
    /// <param name="handshake">At its end.</param>
    /// <param name="sentLast">This side's flight was the last one.</param>
    public DtlsConnected(FinishedVerified verified, Tls12Handshake handshake, bool sentLast)
    {
        ArgumentNullException.ThrowIfNull(verified);
        _handshake = handshake;
        SentLast = sentLast;
    }

    /// <summary>Until the connection has taken what it needs.</summary>
    public Tls12Handshake Handshake => _handshake ?? throw new InvalidOperationException("the handshake is gone");

    public bool SentLast { get; }

    public int TicketsIssued { get; init; }

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override void Dispose()
    {
        _handshake?.Dispose();
        _handshake = null;
    }
}
