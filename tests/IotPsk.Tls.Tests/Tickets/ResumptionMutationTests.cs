using IotPsk.Tls.Tests.Handshake;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tickets;

/// <summary>Flights of resumed handshakes changed on the way, from fixed seeds: never an exception, never a connection with a changed handshake.</summary>
public class ResumptionMutationTests
{
    private const CipherSuite Suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_changed_byte_never_leads_to_a_connection(int seed)
    {
        var random = new Random(seed);
        using var owner = new TicketServer { Binder = PskBinder.External };
        for (int round = 0; round < 25; round++)
        {
            bool toServer = random.Next(2) == 0, tls12 = random.Next(2) == 0;
            int flight = random.Next(toServer ? 2 : 1);
            int seen = 0;
            bool matters = false;
            using PskTlsTicket ticket = Earn(owner, tls12);
            using Link link = Resume(owner, ticket);
            link.Tamper = (direction, bytes) =>
            {
                if (direction != toServer || bytes.Length == 0 || seen++ != flight)
                    return bytes;
                int at = random.Next(bytes.Length);

                // In TLS 1.2 the version of records counts as soon as it is agreed.
                matters = tls12 ? flight > 0 || at != 2 : !MutationTests.IsMinorVersionOfPlainRecord(bytes, at);
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            };
            link.Run();
            if (matters)
                Assert.False(link.Server.IsConnected, $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Cut_repeated_and_shuffled_flights_are_survived(int seed)
    {
        var random = new Random(seed);
        using var owner = new TicketServer { Binder = PskBinder.External };
        for (int round = 0; round < 25; round++)
        {
            using PskTlsTicket ticket = Earn(owner, random.Next(2) == 0);
            using Link link = Resume(owner, ticket);
            int turns = 0;
            link.Tamper = (_, bytes) => ++turns > 20 || bytes.Length == 0 ? [] : MutationTests.Mutate(bytes, random);
            link.Run();
            foreach (PskTlsConnection end in (PskTlsConnection[])[link.Client, link.Server])
            {
                Assert.Equal(end.Session is not null && end.Error is null, end.IsConnected);
                Assert.NotEqual(TlsErrorKind.LocalFault, end.Error?.Kind);
            }
        }
    }

    private static PskTlsTicket Earn(TicketServer owner, bool tls12) =>
        owner.Earn(client: tls12 ? Suites.Client(Suite) : new PskTlsClientOptions { Credentials = [Link.Credential(PskBinder.External)] });

    private static Link Resume(TicketServer owner, PskTlsTicket ticket)
    {
        bool tls12 = ticket.Version == TlsProtocol.Tls12;
        var client = new PskTlsClientOptions
        {
            Versions = [ticket.Version],
            Credentials = tls12 ? [Link.Credential(PskBinder.External)] : [ticket.ToCredential(0), Link.Credential(PskBinder.External)],
            Tls12Ticket = tls12 ? ticket : null,
            Tls12CipherSuites = [Suite],
        };
        return new Link(client, owner.Options(), owner.Answer);
    }
}
