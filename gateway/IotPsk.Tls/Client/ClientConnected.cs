using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Client;

/// <summary>A server that proved to know the PSK. Only here the keys of data are set.</summary>
internal sealed class ClientConnected : Connected
{
    private const int MaxTicketLength = 16384;

    public ClientConnected(FinishedVerified verified, KeySchedule schedule, ReadOnlySpan<byte> transcriptHash, RecordLayer records, in ClientDraft draft)
        : base(verified)
    {
        Span<byte> secret = stackalloc byte[draft.Suite.Hash.Length()];
        schedule.DeriveSecret("s ap traffic"u8, transcriptHash, secret);
        records.ProtectReads(new RecordProtection(records.Crypto, draft.Suite, secret));
        schedule.DeriveSecret("c ap traffic"u8, transcriptHash, secret);
        records.ProtectWrites(new RecordProtection(records.Crypto, draft.Suite, secret));
        CryptographicOperations.ZeroMemory(secret);
        records.EndHandshake();
        Session = new PskTlsSession
        {
            Version = TlsProtocol.Tls13,
            CipherSuite = draft.Suite.Suite,
            KeyExchangeMode = draft.Mode,
            Group = draft.Group,
            Binder = draft.Binder,
            IdentityIndex = draft.IdentityIndex,
            HandshakeBytesReceived = records.HandshakeBytesReceived,
            HandshakeBytesSent = records.HandshakeBytesSent,
            PeerRecordSizeLimit = records.PeerRecordSizeLimit,
            HelloRetried = draft.Retried,
            ApplicationProtocol = draft.ApplicationProtocol,
        };
    }

    public override PskTlsSession Session { get; }

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.NewSessionTicket ? MaxTicketLength : base.MaxBodyLength(type);

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        if (message.Type != HandshakeType.NewSessionTicket)
            return base.Receive(message, records, out error);
        error = NewSessionTicket.Check(message.Body);
        return this;
    }
}
