using IotPsk.Tls.Client;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>What a ServerHello of TLS 1.2 must keep to fit the offer, and the step after a good one.</summary>
internal static class Tls12ServerHelloRules
{
    public static HandshakeState? Accept(in HandshakeMessage message, ClientOffer offer, RecordLayer records, out TlsErrorReason error)
    {
        error = Tls12ServerHello.Parse(message.Bytes, offer.Options, out Tls12ServerHello hello);
        Tls12Suite? suite = null;
        if (error == TlsErrorReason.None)
            error = Check(message.Bytes, hello, offer, out suite);

        // RFC 5246 s7.1: what TLS 1.3 would have dropped has no place here.
        if (error == TlsErrorReason.None && records.DroppedChangeCipherSpec)
            error = TlsErrorReason.MisplacedChangeCipherSpec;
        if (error != TlsErrorReason.None)
            return null;
        records.BeginTls12();
        SetLimits(hello, offer.Options, records);
        var handshake = new Tls12Handshake(offer.Crypto, suite!)
        {
            ExtendedMasterSecret = hello.HasExtendedMasterSecret,
            ApplicationProtocol = hello.ApplicationProtocol.Of(message.Bytes).ToArray(),
            KeyLog = offer.Options.KeyLog,
            WantsTicket = offer.Options.MaxTickets > 0,
            AwaitsTicket = hello.HasSessionTicket,
            CachedSessionId = hello.SessionId.Of(message.Bytes).ToArray(),
        };
        offer.Random.CopyTo(handshake.ClientRandom);
        hello.Random.Of(message.Bytes).CopyTo(handshake.ServerRandom);
        handshake.Transcript.Append(offer.Hello);
        handshake.Transcript.Append(message.Bytes);
        return IsResumed(message.Bytes, hello, offer)
            ? Resume(handshake, offer.Options.OfferedTicket!)
            : new ExpectServerKeyExchange(handshake, offer.Tls12Credential!, offer.Groups);
    }

    /// <summary>RFC 5246 s7.4.1.3, RFC 5077 s3.4: the id of the hello says that the offered session is resumed.</summary>
    public static bool IsResumed(ReadOnlySpan<byte> message, in Tls12ServerHello hello, ClientOffer offer) =>
        hello.SessionId.Length > 0 && hello.SessionId.Of(message).SequenceEqual(offer.SessionId);

    private static HandshakeState Resume(Tls12Handshake handshake, PskTlsTicket ticket)
    {
        handshake.IsResumed = true;
        handshake.CachedSessionId = [];
        handshake.SetMaster(MasterSecret.Resume(handshake.Crypto, ticket.Psk));
        (Tls12Protection client, Tls12Protection server) = handshake.DeriveKeys();
        return handshake.AwaitsTicket ? new ExpectNewSessionTicket(handshake, server, client) : new ExpectResumedChangeCipherSpec(handshake, server, client);
    }

    public static TlsErrorReason Check(ReadOnlySpan<byte> message, in Tls12ServerHello hello, ClientOffer offer, out Tls12Suite? suite)
    {
        suite = null;

        // RFC 8446 s4.1.3: the server could have spoken TLS 1.3, so somebody changed the hello on the way.
        if (offer.OffersTls13 && ServerRandom.HasSentinel(hello.Random.Of(message)))
            return TlsErrorReason.DowngradeDetected;
        TlsErrorReason error = CheckVersion(hello.Version, offer);
        if (error != TlsErrorReason.None)
            return error;

        // RFC 5246 s7.4.1.3: the id of an offered session says that it is resumed, and none may be offered.
        PskTlsTicket? ticket = offer.Options.OfferedTicket;
        bool resumed = IsResumed(message, hello, offer);
        if (resumed && ticket is null)
            return TlsErrorReason.BadSessionIdEcho;
        if (!offer.Tls12CipherSuites.Contains(hello.CipherSuite) || !Tls12Suite.TryGet(hello.CipherSuite, out suite))
            return TlsErrorReason.SelectedUnofferedCipherSuite;

        // RFC 5246 s7.4.1.3: with the suite of the session.
        if (resumed && hello.CipherSuite != ticket!.CipherSuite)
            return TlsErrorReason.SelectedUnofferedCipherSuite;
        if (hello.Compression != 0)
            return TlsErrorReason.BadCompressionMethods;

        // RFC 7627 s5.3: a session that is not bound to its handshake is not wanted, nor one resumed without what it was made with.
        if (!hello.HasExtendedMasterSecret && (resumed || !offer.Options.AllowWithoutExtendedMasterSecret))
            return TlsErrorReason.ExtendedMasterSecretMissing;

        // RFC 5746 s4.1: without it, what came before this handshake is not known.
        if (!hello.HasRenegotiationInfo)
            return TlsErrorReason.RenegotiationInfoMissing;

        // RFC 8449 s5: one or the other.
        return hello.RecordSizeLimit != 0 && hello.MaxFragmentLength != 0 ? TlsErrorReason.TwoRecordLimits : TlsErrorReason.None;
    }

    private static TlsErrorReason CheckVersion(ushort version, ClientOffer offer)
    {
        // RFC 6347 s4.1: versions of DTLS count downwards.
        ushort offered = (ushort)(offer.Datagram is null ? TlsProtocol.Tls12 : TlsProtocol.Dtls12);
        if (version == offered)
            return TlsErrorReason.None;
        return (offer.Datagram is null ? version < offered : version > offered) ? TlsErrorReason.ServerTooOld : TlsErrorReason.SelectedUnofferedVersion;
    }

    private static void SetLimits(in Tls12ServerHello hello, PskTlsClientOptions options, RecordLayer records)
    {
        if (hello.RecordSizeLimit != 0)
            records.LimitContent(options.RecordSizeLimit, hello.RecordSizeLimit);
        if (hello.MaxFragmentLength == 0)
            return;

        // RFC 6066 s4: at once, and for both sides.
        records.LimitContent(hello.MaxFragmentLength, hello.MaxFragmentLength);
        records.LimitPlainContent(hello.MaxFragmentLength);
    }
}
