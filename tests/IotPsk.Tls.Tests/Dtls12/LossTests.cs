using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>Handshakes over a network that loses a fifth of all datagrams each way, and doubles and reorders the rest.</summary>
public class LossTests
{
    private const int Batch = 100;

    private static readonly CipherSuite[] Suites = [.. new PskDtlsServerOptions().CipherSuites];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 10)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_hundred_handshakes_complete_or_time_out_and_none_hangs(int seed)
    {
        int completed = 0;
        for (int i = 0; i < Batch; i++)
        {
            int run = unchecked((seed * Batch) + i);
            using var tickets = new DtlsTickets();
            using VirtualLink link = Bad(tickets, run);
            link.Handshake();
            if (link.IsDone)
            {
                completed++;
                Talk(link, run);
            }
            else
            {
                // RFC 6347 s4.2.4.1 knows one way to fail here.
                TlsErrorReason[] reasons = [.. new[] { link.Client.Error, link.Server?.Error }.OfType<TlsError>().Select(error => error.Reason)];
                Assert.True(reasons.Length > 0, $"run {run} hangs");
                Assert.All(reasons, reason => Assert.Equal(TlsErrorReason.HandshakeTimedOut, reason));
            }
        }

        Assert.InRange(completed, Batch * 95 / 100, Batch);
    }

    /// <summary>Everything that may differ follows from the seed.</summary>
    private static VirtualLink Bad(DtlsTickets tickets, int seed)
    {
        var random = new Random(seed);
        CipherSuite suite = Suites[random.Next(Suites.Length)];
        bool bySessionId = random.Next(2) == 0;
        bool resumes = random.Next(3) == 0;
        int mtu = random.Next(2) == 0 ? 256 : random.Next(256, 1400);
        PskTlsTicket? ticket = resumes ? tickets.Earn(bySessionId, suite = CipherSuite.TLS_PSK_WITH_AES_128_CCM_8) : null;
        var client = new PskDtlsClientOptions
        {
            Credential = Link.Credential(PskBinder.External), CipherSuites = [suite], Ticket = ticket, Mtu = mtu, OfferConnectionId = random.Next(4) > 0
        };
        byte[] clientId = client.OfferConnectionId ? new byte[random.Next(3) * 4] : [];
        VirtualLink link = tickets.Make(client, seed, clientId, new byte[random.Next(2) * 8]);
        link.LossPercent = 20;
        link.DuplicatePercent = 20;
        link.MaxDelay = random.Next(1, 400);
        link.KeyDelay = random.Next(3) == 0 ? random.Next(1, 200) : 0;
        return link;
    }

    private static void Talk(VirtualLink link, int seed)
    {
        link.ServerReceived.Clear();
        link.ClientReceived.Clear();
        for (byte i = 0; i < 20; i++)
        {
            link.ClientWrites([i]);
            link.ServerWrites([i]);
        }

        link.Settle();
        foreach (List<byte[]> received in (List<byte[]>[])[link.ServerReceived, link.ClientReceived])
        {
            // Anything may be lost, and nothing comes twice.
            Assert.True(received.Count > 5, $"seed {seed}");
            Assert.Equal(received.Count, received.Select(data => data[0]).Distinct().Count());
        }

        Assert.True(link.IsDone, $"seed {seed}");
    }
}
