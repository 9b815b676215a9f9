using IotPsk.Tls.Client;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12.Messages;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Client;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>A ClientHello is out. The server may want to see a cookie first (RFC 6347 s4.2.1), and another if that became too old on the way.</summary>
internal sealed class ExpectServerHello(ClientOffer offer) : DtlsState
{
    private const int MaxCookies = 4;

    private int _cookies;

    public override int MaxBodyLength(HandshakeType type) => type switch
    {
        HandshakeType.HelloVerifyRequest => HelloVerifyRequest.MaxBodyLength,
        HandshakeType.ServerHello => ServerHello.MaxBodyLength,
        _ => -1,
    };

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        if (message.Type == HandshakeType.HelloVerifyRequest)
        {
            error = SendCookie(message, records);
            return this;
        }

        error = Tls12ServerHello.Parse(message.Bytes, offer.Options, out Tls12ServerHello hello);
        Tls12Suite? suite = null;
        if (error == TlsErrorReason.None)
            error = Tls12ServerHelloRules.Check(message.Bytes, hello, offer, out suite);
        if (error == TlsErrorReason.None)
            error = AgreeOnIds(message.Bytes, hello, records);
        if (error != TlsErrorReason.None)
            return this;
        if (hello.RecordSizeLimit != 0)
            records.LimitContent(offer.Options.RecordSizeLimit, hello.RecordSizeLimit, plainToo: false);
        if (hello.MaxFragmentLength != 0)
            records.LimitContent(hello.MaxFragmentLength, hello.MaxFragmentLength, plainToo: true);
        Tls12Handshake handshake = Begin(message, hello, suite!, records);
        if (!Tls12ServerHelloRules.IsResumed(message.Bytes, hello, offer))
            return new ExpectServerKeyExchange(handshake, offer.Tls12Credential!, offer.Groups);
        handshake.IsResumed = true;
        handshake.CachedSessionId = [];
        handshake.SetMaster(MasterSecret.Resume(offer.Crypto, offer.Options.OfferedTicket!.Psk));
        records.InstallKeys(handshake, isServer: false);
        return handshake.AwaitsTicket ? new ExpectNewSessionTicket(handshake) : new ExpectResumedFinished(handshake);
    }

    public override void Dispose() => offer.Dispose();

    private TlsErrorReason SendCookie(in HandshakeMessage message, DtlsHandshake records)
    {
        if (!HelloVerifyRequest.TryParse(message.Body, out ReadOnlySpan<byte> cookie))
            return TlsErrorReason.MalformedHelloVerifyRequest;
        if (++_cookies > MaxCookies)
            return TlsErrorReason.TooManyHelloVerifyRequests;

        // RFC 6347 s4.2.1: the same hello, but for the cookie.
        offer.Datagram!.Cookie = cookie.ToArray();
        Start.SendHello(offer, records);
        return TlsErrorReason.None;
    }

    /// <summary>RFC 9146 s3: without the answer there are no ids, whatever was offered.</summary>
    private static TlsErrorReason AgreeOnIds(ReadOnlySpan<byte> message, in Tls12ServerHello hello, DtlsHandshake records)
    {
        if (!hello.ConnectionId.IsPresent)
            return TlsErrorReason.None;
        ReadOnlySpan<byte> id = hello.ConnectionId.Of(message);
        if (!records.FitsDatagrams(id))
            return TlsErrorReason.MalformedConnectionId;
        records.AgreeOnIds(records.OfferedId, id);
        return TlsErrorReason.None;
    }

    private Tls12Handshake Begin(in HandshakeMessage message, in Tls12ServerHello hello, Tls12Suite suite, DtlsHandshake records)
    {
        var handshake = new Tls12Handshake(offer.Crypto, suite)
        {
            Protocol = TlsProtocol.Dtls12,
            ExtendedMasterSecret = hello.HasExtendedMasterSecret,
            ApplicationProtocol = hello.ApplicationProtocol.Of(message.Bytes).ToArray(),
            KeyLog = offer.Options.KeyLog,
            WantsTicket = offer.Options.MaxTickets > 0,
            AwaitsTicket = hello.HasSessionTicket,
            CachedSessionId = hello.SessionId.Of(message.Bytes).ToArray(),
        };
        offer.Random.CopyTo(handshake.ClientRandom);
        hello.Random.Of(message.Bytes).CopyTo(handshake.ServerRandom);

        // RFC 6347 s4.2.1: the hello without a cookie, and what answered it, are not in the transcript.
        DtlsTranscript.Append(handshake.Transcript, offer.Hello, offer.Datagram!.HelloSequence);
        records.Append(handshake.Transcript, message);
        return handshake;
    }
}
