using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Client;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Client;

/// <summary>The first ClientHello is out.</summary>
internal sealed class ExpectServerHello(ClientOffer offer) : HandshakeState
{
    private ClientOffer? _offer = offer;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ServerHello ? ServerHello.MaxBodyLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        ClientOffer offer = _offer!;
        if (!offer.OffersTls13 || (offer.OffersTls12 && Tls12ServerHello.IsOlder(message.Bytes)))
            return Tls12ServerHelloRules.Accept(message, offer, records, out error) ?? this;
        records.MindsAlertLevels = false;
        error = ServerHelloRules.Check(message, offer, out ServerHello hello, out CipherSuiteParameters? suite);
        if (error != TlsErrorReason.None)
            return this;
        if (hello.IsRetryRequest)
            return Retry(message, hello, suite!, records, out error);

        error = ServerHelloRules.CheckSelection(hello, offer, suite!, out PskTlsCredential? credential);
        if (error != TlsErrorReason.None)
            return this;
        var secrets = new HandshakeSecrets(offer.Crypto, suite!.Hash, credential!.Key);
        secrets.Transcript.Append(offer.Hello);
        return ServerHelloRules.Accept(message, hello, offer, secrets, suite, credential, retried: false, records, out error);
    }

    public override void Dispose() => _offer?.Dispose();

    /// <summary>RFC 8446 s4.1.4: the second hello.</summary>
    private HandshakeState Retry(in HandshakeMessage message, in ServerHello request, CipherSuiteParameters suite, RecordLayer records, out TlsErrorReason error)
    {
        ClientOffer offer = _offer!;
        error = ServerHelloRules.CheckRetry(request, offer);
        if (error != TlsErrorReason.None)
            return this;

        // RFC 8446 s4.1.4: PSKs that do not fit the selected suite go.
        offer.KeepCredentials(suite.Hash);
        if (offer.Credentials.Count == 0)
        {
            error = TlsErrorReason.ServerIgnoredPsk;
            return this;
        }

        TranscriptHash transcript = offer.Crypto.CreateTranscript(suite.Hash);
        transcript.Append(offer.Hello);
        transcript.ReplaceByMessageHash();
        transcript.Append(message.Bytes);
        if (request.HasKeyShare)
            offer.ReplaceKeys(request.Group);
        if (request.Cookie.IsPresent)
            offer.Cookie = request.Cookie.Of(message.Bytes).ToArray();
        ClientHelloWriter.Write(offer, transcript);

        // RFC 8446 sD.4: before the second flight.
        if (offer.Options.MiddleboxCompatibility)
            records.WriteChangeCipherSpec();
        if (!records.TryWriteHandshake(offer.Hello))
            error = TlsErrorReason.SequenceExhausted;
        return new ExpectSecondServerHello(HandshakeSecrets.Take(ref _offer), transcript, suite, request.HasKeyShare ? request.Group : NamedGroup.None);
    }
}
