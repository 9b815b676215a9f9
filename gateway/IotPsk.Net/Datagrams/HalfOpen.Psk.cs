using IotPsk.Net.Reactor;
using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>The key is looked up, the client waits, the thread does not.</summary>
internal sealed partial class HalfOpen
{
    private PskRequest? _request;
    private bool _isTicket;

    public SessionInfo Info => Session;

    public bool IsOnLoop => _endpoint.Loop.IsCurrentThread;

    public void Post(LoopWork work) => _endpoint.Loop.TryPost(work);

    public ReadOnlySpan<byte> PendingClientRandom => _dtls!.ClientRandom;

    public ReadOnlySpan<byte> PendingServerRandom => _dtls!.ServerRandom;

    public ReadOnlySpan<byte> PendingIdentity(int index) => _dtls!.GetPendingIdentity(index);

    /// <summary>Keys of version 1.2 have no hash: every suite takes them.</summary>
    public bool HasPendingCipherSuite(TlsHash hash) => true;

    public TicketStatus OpenPendingTicket(int index, long now, out SessionTicket? ticket) => _dtls!.OpenTicket(now, out ticket);

    public void PskProvided(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, object tag)
    {
        Session.Tag = tag;
        Rejection = null;
        // RFC 9258 s5.1: an imported key is of no use in version 1.2.
        if (binder == PskBinder.External) _dtls!.ProvidePsk(psk, terms);
        else PskRejected("the key is not one of version 1.2");
    }

    public void TicketProvided(int index, SessionTicket ticket, in PskTerms terms, object tag)
    {
        Session.Tag = tag;
        Rejection = null;
        _dtls!.ProvideTicket(ticket);
    }

    public void PskRejected(string reason)
    {
        Rejection = reason;
        _dtls!.RejectPsk();
        if (!_isTicket) _endpoint.Rejected(this);
    }

    public void PskFailed(string? reason)
    {
        Rejection = reason;
        ResolverFailed = true;
        _dtls!.FailPsk();
    }

    public void PskAnswered(PskAnswer answer)
    {
        if (_dtls is null) return;
        try
        {
            answer.ApplyTo(this);
            _request = null;
            if (Step(Ask(_dtls.Continue(_endpoint.Loop.Now)))) Rest();
        }
        catch (Exception exception)
        {
            _endpoint.HandshakeFault(this, exception);
        }
    }

    /// <summary>Asks the resolver as long as the engine needs a key and answers come at once: a ticket that is no good is followed by an identity.</summary>
    private PskTlsStatus Ask(PskTlsStatus status)
    {
        while (status == PskTlsStatus.NeedsPsk && _request is null)
        {
            _endpoint.Counters.PskRequests++;
            // A ticket is looked at before there is a server's random; without it a whole handshake follows.
            _isTicket = _dtls!.ServerRandom.IsEmpty;
            var request = _request = new PskRequest(this, _dtls.PendingIdentityCount, _dtls.PendingProtocol);
            _endpoint.Ask(request);
            if (!request.IsApplied) break;
            _request = null;
            status = _dtls.Continue(_endpoint.Loop.Now);
        }
        return status;
    }
}
