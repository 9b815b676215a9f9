using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>The client's Finished proves that it knows the PSK and saw the same handshake; the server's answers it.</summary>
internal sealed class ExpectFinished(Tls12Handshake handshake, Tls12Protection serverKeys, SessionIssue? issue) : HandshakeState
{
    private Tls12Protection? _serverKeys = serverKeys;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.Finished ? MasterSecret.VerifyDataLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        FinishedVerified? verified = handshake.CheckFinished(ofClient: true, message, out error);
        if (verified is null)
            return this;
        int issued = 0;
        bool sent = issue is null || issue.TryFinish(handshake, handshake.Terms, records, out issued);
        if (!sent || !handshake.TrySendFinished(ofClient: false, HandshakeSecrets.Take(ref _serverKeys), records))
        {
            error = TlsErrorReason.SequenceExhausted;
            return this;
        }

        handshake.CachedSessionId = issue?.SessionId ?? [];
        return new ServerConnected(verified, handshake, records, issued);
    }

    public override void Dispose()
    {
        handshake.Dispose();
        _serverKeys?.Dispose();
    }
}
