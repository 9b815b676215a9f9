using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Handshake;

/// <summary>Both Finished messages are verified. What may come between data: KeyUpdate, and to a client tickets.</summary>
internal abstract class Connected : HandshakeState
{
    private const int KeyUpdateLength = 1;

    /// <summary>How many messages in a row are borne without data between them.</summary>
    private const int MaxIdleMessages = 32;

    private readonly TlsHash _hash;
    private SecretBuffer? _exporterSecret;
    private byte _idleMessages;

    protected Connected(FinishedVerified finishedVerified, TlsHash hash)
    {
        ArgumentNullException.ThrowIfNull(finishedVerified);
        _hash = hash;
    }

    public abstract PskTlsSession Session { get; }

    public override PskTlsStatus Waits => PskTlsStatus.Complete;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.KeyUpdate ? KeyUpdateLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = message.Type == HandshakeType.KeyUpdate ? OnKeyUpdate(message, records) : TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    /// <summary>An exported value (RFC 8446 s7.5). Without and with an empty context are the same in TLS 1.3.</summary>
    public virtual void Export(CryptoProvider crypto, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        Span<byte> secret = stackalloc byte[_hash.Length()];
        Span<byte> contextHash = stackalloc byte[_hash.Length()];
        HkdfLabel.Expand(crypto, _hash, datagram: false, _exporterSecret!.Span, label, _hash.Empty(), secret);
        crypto.HashData(_hash, context, contextHash);
        HkdfLabel.Expand(crypto, _hash, datagram: false, secret, "exporter"u8, contextHash, destination);
        CryptographicOperations.ZeroMemory(secret);
        crypto.Wipe();
    }

    public override void Dispose() => _exporterSecret?.Dispose();

    /// <summary>Takes over exporter_master_secret.</summary>
    protected void Keep(SecretBuffer exporterSecret) => _exporterSecret = exporterSecret;

    /// <summary>Counts a message that carries no data; true if there were too many since data came.</summary>
    protected bool IsOneTooMany(RecordLayer records)
    {
        if (records.DataCame)
            _idleMessages = 0;
        records.DataCame = false;
        return ++_idleMessages > MaxIdleMessages;
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
        if (IsOneTooMany(records))
            return TlsErrorReason.TooManyKeyUpdates;

        records.UpdateReadKeys();
        return requested == 0 || records.TryAnswerKeyUpdate() ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
    }
}
