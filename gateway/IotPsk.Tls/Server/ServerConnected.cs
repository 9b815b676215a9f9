using IotPsk.Tls.Handshake;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>A client that proved to know its PSK and to have seen the same handshake. Only here the keys of its data are set.</summary>
internal sealed class ServerConnected : Connected
{
    public ServerConnected(
        BinderVerified binderVerified, FinishedVerified finishedVerified, RecordLayer records, ServerSecrets secrets, in Negotiation negotiation)
        : base(finishedVerified, negotiation.Suite!.Hash)
    {
        ArgumentNullException.ThrowIfNull(binderVerified);
        records.ProtectReads(new RecordProtection(records.Crypto, negotiation.Suite!, secrets.ClientTraffic));
        records.CloseInsteadOfKeyUpdate = negotiation.Terms.CloseInsteadOfKeyUpdate;
        int sent = records.HandshakeBytesSent;

        // RFC 8446 s4.6.1: after the client's Finished.
        int tickets = secrets.Tickets?.Issue(records) ?? 0;
        records.EndHandshake();
        Keep(secrets.TakeExporter());
        Session = new PskTlsSession
        {
            Version = TlsProtocol.Tls13,
            CipherSuite = negotiation.Suite!.Suite,
            KeyExchangeMode = negotiation.Mode,
            Group = negotiation.Group,
            Binder = negotiation.Binder,
            IdentityIndex = negotiation.IdentityIndex,
            HandshakeBytesReceived = records.HandshakeBytesReceived,
            HandshakeBytesSent = sent,
            PeerRecordSizeLimit = records.PeerRecordSizeLimit,
            TicketsIssued = tickets,
            HelloRetried = negotiation.NeedsRetry,
            ApplicationProtocol = negotiation.ApplicationProtocol,
        };
    }

    public override PskTlsSession Session { get; }
}
