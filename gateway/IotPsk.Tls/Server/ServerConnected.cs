using IotPsk.Tls.Handshake;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>A client that proved to know its PSK and to have seen the same handshake. Only here the keys of its data are set.</summary>
internal sealed class ServerConnected : Connected
{
    public ServerConnected(
        BinderVerified binderVerified, FinishedVerified finishedVerified, RecordLayer records, ReadOnlySpan<byte> clientSecret, in Negotiation negotiation)
        : base(finishedVerified)
    {
        ArgumentNullException.ThrowIfNull(binderVerified);
        records.ProtectReads(new RecordProtection(records.Crypto, negotiation.Suite!, clientSecret));
        records.EndHandshake();
        Session = new PskTlsSession
        {
            Version = TlsProtocol.Tls13,
            CipherSuite = negotiation.Suite!.Suite,
            KeyExchangeMode = negotiation.Mode,
            Group = negotiation.Group,
            Binder = negotiation.Binder,
            IdentityIndex = negotiation.IdentityIndex,
            HandshakeBytesReceived = records.HandshakeBytesReceived,
            HandshakeBytesSent = records.HandshakeBytesSent,
            PeerRecordSizeLimit = records.PeerRecordSizeLimit,
            HelloRetried = negotiation.NeedsRetry,
            ApplicationProtocol = negotiation.ApplicationProtocol,
        };
    }

    public override PskTlsSession Session { get; }
}
