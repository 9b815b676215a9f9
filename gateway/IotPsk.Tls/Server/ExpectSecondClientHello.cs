using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>A HelloRetryRequest is out. The PSK stays: its binder was right once and must be right again.</summary>
internal sealed class ExpectSecondClientHello : HandshakeState
{
    private readonly PskTlsServerOptions _options;
    private readonly RetainedHello _firstHello;
    private readonly Negotiation _negotiation;
    private HandshakeSecrets? _secrets;

    public ExpectSecondClientHello(
        BinderVerified firstVerified, HandshakeSecrets secrets, PskTlsServerOptions options, RetainedHello firstHello, in Negotiation negotiation)
    {
        ArgumentNullException.ThrowIfNull(firstVerified);
        _secrets = secrets;
        _options = options;
        _firstHello = firstHello;
        _negotiation = negotiation;
    }

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ClientHello ? ExpectClientHello.MaxLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        if (!message.EndsRecord)
        {
            error = TlsErrorReason.ExcessHandshakeData;
            return this;
        }

        error = ClientHello.Parse(message.Bytes, out ClientHello hello);
        if (error == TlsErrorReason.None)
            error = Check(message.Bytes, hello);
        if (error != TlsErrorReason.None)
            return this;

        int index = PreSharedKey.IndexOf(hello.Identities.Of(message.Bytes), SelectedIdentity());
        if (index < 0)
        {
            error = TlsErrorReason.SecondHelloWithoutPsk;
            return this;
        }

        // RFC 8446 s4.2.11.2: over the first hello and the request too.
        BinderVerified? verified = BinderVerified.Check(_secrets!, _negotiation.Binder, message.Bytes, hello, index);
        if (verified is null)
        {
            error = TlsErrorReason.BinderMismatch;
            return this;
        }

        records.SkipEarlyData(0);
        return ServerFlight.Send(verified, HandshakeSecrets.Take(ref _secrets), message.Bytes, hello, _options, _negotiation, index, records, out error);
    }

    public override void Dispose()
    {
        _secrets?.Dispose();
        _firstHello.Dispose();
    }

    private ReadOnlySpan<byte> SelectedIdentity() =>
        PreSharedKey.Identity(_firstHello.Fields.Identities.Of(_firstHello.Message), _negotiation.IdentityIndex);

    /// <summary>RFC 8446 s4.1.2: the same hello, but for key_share, early_data, cookie and the list of PSKs.</summary>
    private TlsErrorReason Check(ReadOnlySpan<byte> message, in ClientHello hello)
    {
        ClientHello first = _firstHello.Fields;
        ReadOnlySpan<byte> firstMessage = _firstHello.Message;
        if (!hello.OffersTls13 || hello.RecordSizeLimit != first.RecordSizeLimit ||
            !hello.Random.Of(message).SequenceEqual(first.Random.Of(firstMessage)) ||
            !hello.SessionId.Of(message).SequenceEqual(first.SessionId.Of(firstMessage)) ||
            !ClientHelloRules.Offers(hello.CipherSuites.Of(message), _negotiation.Suite!.Suite))
            return TlsErrorReason.SecondHelloChanged;

        // RFC 8446 s4.2.10: early_data goes after a HelloRetryRequest.
        if (hello.HasEarlyData)
            return TlsErrorReason.EarlyDataAfterRetry;
        if (!hello.Identities.IsPresent)
            return TlsErrorReason.SecondHelloWithoutPreSharedKey;
        if (!hello.HasPskModes || !hello.OffersPskDheKe || !hello.Groups.IsPresent)
            return TlsErrorReason.SecondHelloChanged;

        // RFC 8446 s4.2.8: the one share that was asked for.
        var shares = new WireReader(hello.KeyShares.Of(message));
        bool asked = hello.KeyShares.IsPresent && shares.TryReadUInt16(out ushort group) && group == (ushort)_negotiation.Group &&
            shares.TryReadVector16(out _) && shares.IsEmpty;
        return asked ? TlsErrorReason.None : TlsErrorReason.SecondHelloWrongKeyShare;
    }
}
