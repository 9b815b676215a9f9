using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Server;

namespace IotPsk.Tls.Dtls12.Server;

/// <summary>
/// The client's Finished proves that it knows the PSK and saw the same handshake; the server's answers it. Its record says by its epoch that the
/// keys are in use: a change_cipher_spec that was lost is not missed.
/// </summary>
internal sealed class ExpectFinished(Tls12Handshake handshake, SessionIssue? issue) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        Tls12Handshake handshake = _handshake!;
        FinishedVerified? verified = handshake.VerifyFinished(ofClient: true, message, out error);
        if (verified is null)
            return this;
        records.Append(handshake.Transcript, message);
        records.BeginFlight();
        int issued = issue is null ? 0 : SendTicket(handshake, records, issue);
        records.SendFinished(handshake, ofClient: false);
        handshake.CachedSessionId = issue?.SessionId ?? [];
        return new DtlsConnected(verified, HandshakeSecrets.Take(ref _handshake), sentLast: true) { TicketsIssued = issued };
    }

    public override void Dispose() => _handshake?.Dispose();

    private static int SendTicket(Tls12Handshake handshake, DtlsHandshake records, SessionIssue issue)
    {
        Span<byte> buffer = stackalloc byte[SessionIssue.MaxMessageLength];
        var writer = new WireWriter(buffer);
        int issued = issue.Finish(handshake, handshake.Terms, ref writer);
        records.Send(writer.Written, handshake.Transcript);
        return issued;
    }
}
