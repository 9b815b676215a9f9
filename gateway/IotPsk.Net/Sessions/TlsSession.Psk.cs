using IotPsk.Tls;

namespace IotPsk.Net.Sessions;

/// <summary>AwaitingPsk: the resolver has the identities, the client waits, the thread does not.</summary>
internal sealed partial class TlsSession
{
    private PskRequest? _request;

    public ReadOnlySpan<byte> PendingIdentity(int index) => _tls!.GetPendingIdentity(index);

    public ReadOnlySpan<byte> PendingClientRandom => _tls!.ClientRandom;

    public ReadOnlySpan<byte> PendingServerRandom => _tls!.ServerRandom;

    public bool HasPendingCipherSuite(TlsHash hash) => _tls!.HasCipherSuite(hash);

    public TicketStatus OpenPendingTicket(int index, long now, out SessionTicket? ticket) => _tls!.OpenTicket(index, now, out ticket);

    public void PskProvided(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, object tag)
    {
        Info.Tag = tag;
        _rejection = null;
        _tls!.ProvidePsk(index, psk, binder, hash, terms);
    }

    public void TicketProvided(int index, SessionTicket ticket, in PskTerms terms, object tag)
    {
        Info.Tag = tag;
        _rejection = null;
        _tls!.ProvideTicket(index, ticket, terms);
    }

    public void PskRejected(string reason)
    {
        _rejection = reason;
        _tls!.RejectPsk();
    }

    public void PskFailed(string? reason)
    {
        _rejection = reason;
        _resolverFailed = true;
        _tls!.FailPsk();
    }

    /// <summary>An answer came from another thread.</summary>
    public void PskAnswered(PskAnswer answer)
    {
        if (_state != State.AwaitingPsk) return;
        try
        {
            answer.ApplyTo(this);
            _request = null;
            _state = State.Handshaking;
            var have = _input.DrainTo(Pool, Wire);
            AdvanceHandshake(Wire[..have]);
            Step();
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    /// <summary>True when the answer came before this returned.</summary>
    private bool AskForPsk()
    {
        _shard.Counters.PskRequests++;
        var request = _request = new PskRequest(this, _tls!.PendingIdentityCount, _tls.PendingProtocol);
        try
        {
            request.Resolve(_shard.Services.Resolver);
        }
        catch (Exception exception)
        {
            _shard.Fault(exception);
            request.FailInline();
        }
        if (!request.IsApplied) return false;
        _request = null;
        return true;
    }

    // Nothing is read while the key is looked up; epoll alone tells that the client is gone.
    private void WatchWaitingClient()
    {
        _client.Flush(Pool);
        if (_client.Hangup || _client.Broken)
            FailHandshake(_client.Failed ? HandshakeFailureReason.PeerReset : HandshakeFailureReason.PeerClosed, null);
    }

    private void DropRequest()
    {
        _request?.Abandon();
        _request = null;
    }
}
