using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Server;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>
/// ClientKeyExchange named a PSK; the owner looks it up. The client's Finished is under way already: its record is kept until there is a key for it.
/// </summary>
internal sealed class AwaitPsk(Tls12Handshake handshake, ReadOnlySpan<byte> identity, SecretBuffer? shared, SessionIssue? issue) : DtlsState
{
    private readonly Tls12.Server.AwaitPsk _question = new(handshake, identity, shared, issue);

    public override IPskQuestion Question => _question;

    public override bool CanContinue => _question.CanContinue;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override DtlsState Continue(DtlsHandshake records, out TlsErrorReason error)
    {
        Tls12Handshake? answered = _question.TakeAnswered(out error);
        if (answered is null)
            return this;
        records.InstallKeys(answered, isServer: true);
        return new ExpectFinished(answered, issue);
    }

    public override void Dispose() => _question.Dispose();
}
