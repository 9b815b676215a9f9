using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Handshake;

/// <summary>Both Finished messages are verified. What may come between data: KeyUpdate, and to a client tickets.</summary>
internal abstract class Connected : HandshakeState
{
    private const int KeyUpdateLength = 1;

    /// <summary>How many KeyUpdates in a row are borne without data between them.</summary>
    private const int MaxIdleKeyUpdates = 32;

    private byte _idleKeyUpdates;

    protected Connected(FinishedVerified finishedVerified) => ArgumentNullException.ThrowIfNull(finishedVerified);

    public abstract PskTlsSession Session { get; }

    public override PskTlsStatus Waits => PskTlsStatus.Complete;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.KeyUpdate ? KeyUpdateLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = message.Type == HandshakeType.KeyUpdate ? OnKeyUpdate(message, records) : TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override void Dispose()
    {
    }

    /// <summary>RFC 8446 s4.6.3.</summary>
    private TlsErrorReason OnKeyUpdate(in HandshakeMessage message, RecordLayer records)
    {
        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        if (!message.EndsRecord)
            return TlsErrorReason.ExcessHandshakeData;
        if (message.Body.Length != KeyUpdateLength)
            return TlsErrorReason.MalformedKeyUpdate;

        // RFC 8446 s4.6.3: another value is an illegal_parameter.
        byte requested = message.Body[0];
        if (requested > 1)
            return TlsErrorReason.BadKeyUpdateRequest;
        if (records.DataCame)
            _idleKeyUpdates = 0;
        records.DataCame = false;
        if (++_idleKeyUpdates > MaxIdleKeyUpdates)
            return TlsErrorReason.TooManyKeyUpdates;

        records.UpdateReadKeys();
        return requested == 0 || records.TryAnswerKeyUpdate() ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
    }
}
