using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Client;

/// <summary>What a ServerHello or HelloRetryRequest must keep to fit the offer, and the step after a good one.</summary>
internal static class ServerHelloRules
{
    /// <summary>The rules of both.</summary>
    public static TlsErrorReason Check(in HandshakeMessage message, ClientOffer offer, out ServerHello hello, out CipherSuiteParameters? suite)
    {
        suite = null;
        hello = default;

        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        if (!message.EndsRecord)
            return TlsErrorReason.ExcessHandshakeData;
        TlsErrorReason error = ServerHello.Parse(message.Bytes, out hello);
        if (error != TlsErrorReason.None)
            return error;

        // RFC 8446 s4.1.3: the echo is what was sent.
        if (!hello.SessionId.Of(message.Bytes).SequenceEqual(offer.SessionId))
            return TlsErrorReason.BadSessionIdEcho;

        // RFC 8446 s4.1.3: the suite is one of those offered.
        return offer.CipherSuites.Contains(hello.CipherSuite) && CipherSuiteParameters.TryGet(hello.CipherSuite, out suite)
            ? TlsErrorReason.None
            : TlsErrorReason.SelectedUnofferedCipherSuite;
    }

    public static TlsErrorReason CheckRetry(in ServerHello request, ClientOffer offer)
    {
        // RFC 8446 s4.1.4: a request that would change nothing is an illegal_parameter.
        if (!request.HasKeyShare)
            return request.Cookie.IsPresent ? TlsErrorReason.None : TlsErrorReason.RetryWithoutChange;

        // RFC 8446 s4.2.8: the group was offered, and its share was not sent.
        if (!offer.OffersDheKe || !offer.Groups.Contains(request.Group))
            return TlsErrorReason.SelectedUnofferedGroup;
        return offer.Key(request.Group) is null ? TlsErrorReason.None : TlsErrorReason.RetryWithoutChange;
    }

    public static TlsErrorReason CheckSelection(in ServerHello hello, ClientOffer offer, CipherSuiteParameters suite, out PskTlsCredential? credential)
    {
        credential = null;

        // RFC 8446 s4.1.1: a server that takes no PSK would prove itself by a certificate; here that is none.
        if (!hello.HasPreSharedKey)
            return TlsErrorReason.ServerIgnoredPsk;

        // RFC 8446 s4.2.11: an index out of range, or a suite of another hash, is an illegal_parameter.
        if (hello.SelectedIdentity >= offer.Credentials.Count)
            return TlsErrorReason.SelectedUnofferedPsk;
        credential = offer.Credentials[hello.SelectedIdentity];
        if (credential.Hash != suite.Hash)
            return TlsErrorReason.SelectedPskOfOtherHash;

        // RFC 8446 s4.2.9: the mode shows in key_share.
        if (!(hello.HasKeyShare ? offer.OffersDheKe : offer.OffersKe))
            return TlsErrorReason.SelectedUnofferedKeyExchangeMode;
        return hello.HasKeyShare && offer.Key(hello.Group) is null ? TlsErrorReason.SelectedUnofferedGroup : TlsErrorReason.None;
    }

    /// <summary>Takes a ServerHello that passed the rules: keys of the handshake.</summary>
    public static HandshakeState Accept(
        in HandshakeMessage message, in ServerHello hello, ClientOffer offer, HandshakeSecrets owned, CipherSuiteParameters suite, PskTlsCredential credential,
        bool retried, RecordLayer records, out TlsErrorReason error)
    {
        HandshakeSecrets? secrets = owned;
        try
        {
            secrets.Transcript.Append(message.Bytes);
            if (!Agree(secrets, hello, message.Bytes, offer))
            {
                // RFC 8446 s4.2.8.2, s7.4.2: a share off the curve or of low order.
                error = TlsErrorReason.InvalidKeyShare;
                return Over.Instance;
            }

            int length = suite.Hash.Length();
            Span<byte> hash = stackalloc byte[length];
            secrets.Transcript.Snapshot(hash);
            var clientSecret = new SecretBuffer(length);
            var serverSecret = new SecretBuffer(length);
            secrets.Schedule.DeriveSecret("c hs traffic"u8, hash, clientSecret.Span);
            secrets.Schedule.DeriveSecret("s hs traffic"u8, hash, serverSecret.Span);
            KeyLogLine.Write(offer.Options.KeyLog, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", offer.Random, clientSecret.Span);
            KeyLogLine.Write(offer.Options.KeyLog, "SERVER_HANDSHAKE_TRAFFIC_SECRET", offer.Random, serverSecret.Span);
            records.ProtectReads(new RecordProtection(records.Crypto, suite, serverSecret.Span));
            var draft = new ClientDraft
            {
                Options = offer.Options,
                Suite = suite,
                Mode = hello.HasKeyShare ? PskKeyExchangeMode.PskDheKe : PskKeyExchangeMode.PskKe,
                Group = hello.Group,
                Binder = credential.Binder,
                IdentityIndex = IndexOf(offer.Options.Credentials, credential),
                Retried = retried,
                ClientRandom = offer.Random,
            };

            // RFC 8446 sD.4: before the second flight, unless a retry had one. Alerts of this side are protected from here on (s7.1).
            if (offer.Options.MiddleboxCompatibility && !retried)
                records.WriteChangeCipherSpec();
            records.ProtectWrites(new RecordProtection(records.Crypto, suite, clientSecret.Span));
            error = TlsErrorReason.None;
            return new ExpectEncryptedExtensions(HandshakeSecrets.Take(ref secrets), clientSecret, serverSecret, draft);
        }
        finally
        {
            secrets?.Dispose();
        }
    }

    private static bool Agree(HandshakeSecrets secrets, in ServerHello hello, ReadOnlySpan<byte> message, ClientOffer offer)
    {
        if (!hello.HasKeyShare)
        {
            secrets.Schedule.MixSharedSecret(default);
            return true;
        }

        Span<byte> shared = stackalloc byte[KeyAgreement.SecretLength];
        if (!offer.Key(hello.Group)!.TryAgree(hello.KeyShare.Of(message), shared))
            return false;
        secrets.Schedule.MixSharedSecret(shared);
        CryptographicOperations.ZeroMemory(shared);
        return true;
    }

    private static int IndexOf(IReadOnlyList<PskTlsCredential> credentials, PskTlsCredential wanted)
    {
        int index = 0;
        while (credentials[index] != wanted)
            index++;
        return index;
    }
}
