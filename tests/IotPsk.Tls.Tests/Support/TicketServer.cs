using System.Text;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The owner of a server that makes and takes tickets: goes through the identities in order, as an owner should.</summary>
internal sealed class TicketServer : IDisposable
{
    public const long Start = 1_800_000_000;

    private readonly TicketKey _key = Key(1);

    public TicketServer() => Keys = new TicketKeys(_key);

    public TicketKeys Keys { get; }

    public long Now { get; set; } = Start;

    public PskBinder Binder { get; set; } = PskBinder.Imported;

    public TlsHash Hash { get; set; } = TlsHash.Sha256;

    public PskTerms Terms { get; set; } = new() { IssueTickets = true };

    /// <summary>What the owner thinks of a payload.</summary>
    public Func<string, bool> Accepts { get; set; } = _ => true;

    /// <summary>What came of each identity of the last hello.</summary>
    public List<TicketStatus> Seen { get; } = [];

    /// <summary>The last good ticket, disposed.</summary>
    public SessionTicket? Last { get; private set; }

    public static TicketKey Key(byte number) => new([number, 0, 0, 0, 0, 0, 0, number], [.. Enumerable.Repeat(number, 32)]);

    public PskTlsServerOptions Options(int count = 1, int lifetime = 86_400, int chain = TicketOptions.MaxChainSeconds, bool pskKe = false) => new()
    {
        AllowPskKe = pskKe,
        Tickets = new TicketOptions { Keys = Keys, Count = count, LifetimeSeconds = lifetime, ChainSeconds = chain },
    };

    public void Answer(PskTlsServer server)
    {
        Seen.Clear();
        PskTerms terms = Terms with { Now = Now, TicketPayload = Encoding.ASCII.GetBytes("dev-1") };
        for (int i = 0; i < server.PendingIdentityCount; i++)
        {
            TicketStatus status = server.OpenTicket(i, Now, out SessionTicket? ticket);
            Seen.Add(status);
            Assert.Equal(status == TicketStatus.Good, ticket is not null);
            if (ticket is not null)
            {
                Last = ticket;
                using SessionTicket opened = ticket;
                if (!Accepts(Encoding.ASCII.GetString(ticket.Payload)))
                    continue;
                server.ProvideTicket(i, ticket, terms);
                return;
            }

            if (!server.GetPendingIdentity(i).SequenceEqual(Link.Identity))
                continue;
            server.ProvidePsk(i, Link.Key, Binder, Hash, terms);
            return;
        }

        server.RejectPsk();
    }

    /// <summary>Connects with the external PSK and returns the ticket that came.</summary>
    public PskTlsTicket Earn(PskTlsServerOptions? options = null, PskTlsClientOptions? client = null)
    {
        using var link = new Link(client, options ?? Options(), Answer);
        link.Connect();
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        return ticket;
    }

    /// <summary>Offers a ticket before the external PSK.</summary>
    public Link Resume(PskTlsTicket ticket, PskTlsServerOptions? options = null, Func<PskTlsClientOptions, PskTlsClientOptions>? change = null)
    {
        PskTlsClientOptions client = new() { Credentials = [ticket.ToCredential(0), Link.Credential(Binder, Hash)] };
        return new Link(change is null ? client : change(client), options ?? Options(), Answer);
    }

    public void Dispose()
    {
        Keys.Dispose();
        _key.Dispose();
    }
}
