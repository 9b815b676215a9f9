using IotPsk.Tls;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary>Session tickets that wait for their next connection, each used once (RFC 8446 sC.4): the newest first, for it lives longest.</summary>
internal sealed class TicketStore(TimeProvider time) : IDisposable
{
    private const int Most = 64;
    private readonly LinkedList<(PskTlsTicket Ticket, long At)> _tickets = [];
    private readonly Lock _gate = new();

    internal void Add(PskTlsTicket ticket)
    {
        lock (_gate)
        {
            _tickets.AddFirst((ticket, time.GetTimestamp()));
            if (_tickets.Count <= Most)
                return;
            _tickets.Last!.Value.Ticket.Dispose();
            _tickets.RemoveLast();
        }
    }

    /// <summary>A credential by a ticket that is still good; null if there is none. It belongs to the caller.</summary>
    internal PskTlsCredential? Take()
    {
        while (true)
        {
            (PskTlsTicket ticket, long at) next;
            lock (_gate)
            {
                if (_tickets.First is not { } first)
                    return null;
                next = first.Value;
                _tickets.RemoveFirst();
            }
            using PskTlsTicket ticket = next.ticket;
            TimeSpan age = time.GetElapsedTime(next.at);
            if (age.TotalSeconds < ticket.LifetimeSeconds)
                return ticket.ToCredential((long)age.TotalMilliseconds);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach ((PskTlsTicket ticket, _) in _tickets)
                ticket.Dispose();
            _tickets.Clear();
        }
    }
}
