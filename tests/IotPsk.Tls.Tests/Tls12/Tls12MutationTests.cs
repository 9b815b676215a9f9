using IotPsk.Tls.Tests.Handshake;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>Flights changed on the way, from fixed seeds: never an exception, never a connection with a changed handshake.</summary>
public class Tls12MutationTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_changed_byte_never_leads_to_a_connection(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            bool toServer = random.Next(2) == 0;
            int flight = random.Next(2);
            int seen = 0;
            bool matters = false;
            using Link link = RandomLink(random);
            link.Tamper = (direction, bytes) =>
            {
                if (direction != toServer || bytes.Length == 0 || seen++ != flight)
                    return bytes;
                int at = random.Next(bytes.Length);

                // Before the version is agreed nothing holds the one in the record to anything.
                matters = flight > 0 || at != 2;
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            };
            link.Run();
            if (matters)
                Assert.False(link.Server.IsConnected && link.Client.IsConnected, $"seed {seed}, round {round}");

            // Only the server's last flight comes when the server is content already.
            if (matters && (toServer || flight == 0))
                Assert.False(link.Server.IsConnected, $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Cut_repeated_and_shuffled_flights_are_survived(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            using Link link = RandomLink(random);
            int turns = 0;
            link.Tamper = (_, bytes) => ++turns > 20 || bytes.Length == 0 ? [] : MutationTests.Mutate(bytes, random);
            link.Run();
            foreach (PskTlsConnection end in (PskTlsConnection[])[link.Client, link.Server])
                Assert.Equal(end.Session is not null && end.Error is null, end.IsConnected);
        }
    }

    /// <summary>Made-up records under the right keys, at every state after the keys are there.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Made_up_records_under_the_right_keys_are_survived(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            using var server = new TestServer(answer: Tls12Link.Provide);
            using var client = new ScriptedTls12Client(server);
            client.SendKeyExchange();
            server.Deliver(TestRecord.Plain(20, 1));
            bool connects = random.Next(2) == 0;
            if (connects)
                server.Deliver(client.Protect(22, client.Finished()));
            for (int i = 0; i < 5; i++)
            {
                byte[] content = new byte[random.Next(40)];
                random.NextBytes(content);
                if (content.Length > 4 && random.Next(2) == 0)
                    ((byte[])[(byte)(random.Next(2) == 0 ? 20 : 1), 0, 0, (byte)(content.Length - 4)]).CopyTo(content, 0);
                server.Deliver(client.Protect((byte)random.Next(19, 26), content));
            }

            Assert.True(connects || !server.Server.IsConnected);
            Assert.Equal(connects, server.Server.Session is not null);
        }
    }

    private static Link RandomLink(Random random) => Tls12Link.Create(
        new PskTlsClientOptions
        {
            Versions = random.Next(3) == 0 ? [TlsProtocol.Tls12, TlsProtocol.Tls13] : [TlsProtocol.Tls12],
            Credentials = [Link.Credential(PskBinder.External)],
            Tls12CipherSuites = [Suites.Tls12.ElementAt(random.Next(8))],
            RecordSizeLimit = random.Next(2) == 0 ? 0 : 64,
            MaxFragmentLength = random.Next(2) == 0 ? 0 : 512,
        },
        new PskTlsServerOptions { AllowTls13 = false, PskIdentityHint = new byte[random.Next(3)] });
}
