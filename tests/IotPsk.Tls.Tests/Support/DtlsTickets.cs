using System.Text;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The owner of a DTLS server that resumes sessions, by ticket or by session id.</summary>
internal sealed class DtlsTickets : IDisposable
{
    private readonly TicketKey _key = TicketServer.Key(1);

    public DtlsTickets() => Keys = new TicketKeys(_key);

    public TicketKeys Keys { get; }

    public TestSessionCache Cache { get; } = new();

    public long Now { get; set; } = TicketServer.Start;

    /// <summary>What the owner thinks of a payload.</summary>
    public Func<string, bool> Accepts { get; set; } = _ => true;

    /// <summary>What came of each question.</summary>
    public List<TicketStatus> Seen { get; } = [];

    public PskDtlsServerOptions Options() => new() { Tickets = new TicketOptions { Keys = Keys, SessionCache = Cache } };

    public void Answer(PskDtlsServer server)
    {
        TicketStatus status = server.OpenTicket(Now, out SessionTicket? ticket);
        using SessionTicket? opened = ticket;
        Seen.Add(status);
        if (opened is not null && Accepts(Encoding.ASCII.GetString(opened.Payload)))
            server.ProvideTicket(opened);
        else if (status != TicketStatus.NotATicket || !server.GetPendingIdentity(0).SequenceEqual(Link.Identity))
            server.RejectPsk();
        else
            server.ProvidePsk(Link.Key, new PskTerms { IssueTickets = true, Now = Now, TicketPayload = Encoding.ASCII.GetBytes("dev-1") });
    }

    /// <summary>Connects with the PSK and returns what lets the session be resumed.</summary>
    public PskTlsTicket Earn(bool bySessionId = false, CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_CCM_8)
    {
        using VirtualLink link = Make(Client(suite));
        link.Connect();
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        if (!bySessionId)
            return ticket;

        // The same session, as a client without tickets would know it.
        byte[] id = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        Cache.Sessions[Convert.ToHexString(id)] = ticket.Ticket.ToArray();
        Assert.True(Tls12Suite.TryGet(suite, out Tls12Suite? row));
        return new PskTlsTicket(id, isSessionId: true, ticket.Psk, row, 0, TlsProtocol.Dtls12);
    }

    public VirtualLink Make(PskDtlsClientOptions client, int seed = 0, byte[]? clientId = null, byte[]? serverId = null) =>
        new(client, Options(), clientId, serverId, seed) { Answer = Answer };

    public static PskDtlsClientOptions Client(CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, PskTlsTicket? ticket = null, bool keepsTicket = true) => new()
    {
        Credential = Link.Credential(PskBinder.External),
        CipherSuites = [suite],
        Ticket = ticket,
        KeepsTicket = keepsTicket,
    };

    public void Dispose()
    {
        Keys.Dispose();
        _key.Dispose();
    }
}
