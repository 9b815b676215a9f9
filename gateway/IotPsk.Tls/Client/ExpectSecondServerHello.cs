using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Client;

/// <summary>A HelloRetryRequest is answered; what it selected holds.</summary>
internal sealed class ExpectSecondServerHello(ClientOffer offer, TranscriptHash transcript, CipherSuiteParameters retrySuite, NamedGroup retryGroup) : HandshakeState
{
    private TranscriptHash? _transcript = transcript;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ServerHello ? ServerHello.MaxBodyLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = ServerHelloRules.Check(message, offer, out ServerHello hello, out CipherSuiteParameters? suite);
        if (error != TlsErrorReason.None)
            return this;

        // RFC 8446 s4.1.4: one retry; then the suite and the group stay.
        if (hello.IsRetryRequest)
            error = TlsErrorReason.SecondRetryRequest;
        else if (suite != retrySuite || (retryGroup != NamedGroup.None && hello.Group != retryGroup))
            error = TlsErrorReason.SelectionChangedAfterRetry;
        if (error != TlsErrorReason.None)
            return this;
        error = ServerHelloRules.CheckSelection(hello, offer, retrySuite, out PskTlsCredential? credential);
        if (error != TlsErrorReason.None)
            return this;
        var secrets = new HandshakeSecrets(offer.Crypto, HandshakeSecrets.Take(ref _transcript), credential!.Key);
        return ServerHelloRules.Accept(message, hello, offer, secrets, retrySuite, credential, retried: true, records, out error);
    }

    public override void Dispose()
    {
        offer.Dispose();
        _transcript?.Dispose();
    }
}
