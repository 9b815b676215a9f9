using System.Security.Cryptography;
using IotPsk.Tls;

namespace IotPsk.Device.Tests.Support;

/// <summary>Answers for a server that makes and takes tickets: the first good ticket, else the key of the device.</summary>
internal sealed class TicketDesk(byte[] key) : IDisposable
{
    private readonly TicketKeys _keys = new(NewKey());
    private readonly HashSet<string> _seen = [];

    /// <summary>The answers given, in order: "ticket", "key", "rejected".</summary>
    internal List<string> Answers { get; } = [];

    /// <summary>Refuses handshakes in which a ticket is offered.</summary>
    internal bool RejectsTickets { get; set; }

    /// <summary>Tickets that were offered a second time.</summary>
    internal int Repeated { get; private set; }

    internal PskTlsServerOptions Options => new() { Tickets = new TicketOptions { Keys = _keys }, AllowPskKe = true };

    /// <summary>What a restart without saved ticket keys does: none of the old tickets opens any more.</summary>
    internal void ForgetTickets() => _keys.Replace(NewKey());

    internal void Answer(PskTlsServer server)
    {
        lock (_seen)
            Decide(server);
    }

    public void Dispose() => _keys.Dispose();

    private static TicketKey NewKey() => new(RandomNumberGenerator.GetBytes(TicketKey.NameLength), RandomNumberGenerator.GetBytes(TicketKey.SecretLength));

    private void Decide(PskTlsServer server)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var terms = new PskTerms { IssueTickets = true, Now = now };
        int last = server.PendingIdentityCount - 1;
        for (int i = 0; i < last; i++)
        {
            if (!_seen.Add(Convert.ToHexString(server.GetPendingIdentity(i))))
                Repeated++;
            if (RejectsTickets)
            {
                Answers.Add("rejected");
                server.RejectPsk();
                return;
            }
            if (server.OpenTicket(i, now, out SessionTicket? ticket) != TicketStatus.Good)
                continue;
            using SessionTicket good = ticket!;
            Answers.Add("ticket");
            server.ProvideTicket(i, good, terms);
            return;
        }
        Answers.Add("key");
        server.ProvidePsk(last, key, PskBinder.Imported, TlsHash.Sha256, terms);
    }
}
