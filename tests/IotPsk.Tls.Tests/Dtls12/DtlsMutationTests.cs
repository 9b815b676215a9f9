using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>Datagrams changed, cut, grown and made up on the way, from seeds: nothing throws, nothing hangs, and nobody is connected to something else.</summary>
public class DtlsMutationTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_changed_handshake_fails_or_both_ends_agree(int seed)
    {
        for (int i = 0; i < 150; i++)
        {
            int run = unchecked((seed * 150) + i);
            var random = new Random(run);
            using var tickets = new DtlsTickets();
            using PskTlsTicket? ticket = random.Next(3) == 0 ? tickets.Earn(random.Next(2) == 0) : null;
            CipherSuite suite = random.Next(2) == 0 || ticket is not null ? CipherSuite.TLS_PSK_WITH_AES_128_CCM_8 : CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256;
            byte[] serverId = new byte[random.Next(2) * 4];
            using VirtualLink link = tickets.Make(DtlsTickets.Client(suite, ticket), run, serverId: serverId);
            int changes = 1 + random.Next(3);
            link.Tamper = (_, datagram) =>
            {
                if (changes == 0 || random.Next(3) > 0)
                    return datagram;
                changes--;
                return Change(random, datagram);
            };
            link.Handshake();
            if (link.IsDone)
            {
                Assert.Equal(serverId, link.Client.PeerConnectionId.ToArray());
                Assert.Equal((link.Client.Session!.CipherSuite, link.Client.Session.Binder), (link.Server!.Session!.CipherSuite, link.Server.Session.Binder));
                link.Tamper = (_, datagram) => datagram;
                link.Exchange();
            }
            else
            {
                Assert.True(link.IsOver || link.Client.IsConnected || link.Server is null, $"run {run} hangs");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    public void Made_up_datagrams_disturb_neither_handshake_nor_association(int seed)
    {
        for (int i = 0; i < 100; i++)
        {
            int run = unchecked((seed * 100) + i);
            var random = new Random(run);
            using var link = new VirtualLink(serverId: new byte[4], seed: run) { KeyDelay = 50 };
            link.Tamper = (fromClient, datagram) =>
            {
                link.Server?.Receive(Noise(random), link.Now, new byte[3000], out _, out _);
                link.Client.Receive(Noise(random), link.Now, new byte[3000], out _, out _);
                return datagram;
            };
            link.Connect();
            link.Exchange();
        }
    }

    /// <summary>Of any form but that of a message whose turn it is in clear, and of an alert in clear: those two a stranger who sees the traffic can make up.</summary>
    private static byte[] Noise(Random random)
    {
        byte[] bytes = new byte[random.Next(300)];
        random.NextBytes(bytes);
        return random.Next(4) switch
        {
            0 => bytes,
            1 => TestDatagram.Record((byte)random.Next(20, 26), (ushort)random.Next(1, 4), (ulong)random.Next(1000), bytes),
            2 => TestDatagram.Fragment((byte)random.Next(1, 21), (ushort)random.Next(100, 60000), bytes),
            _ => TestDatagram.Record(20, 0, (ulong)random.Next(1000), bytes),
        };
    }

    private static byte[] Change(Random random, byte[] datagram)
    {
        byte[] changed = [.. datagram];
        switch (random.Next(4))
        {
            case 0:
                return changed[..random.Next(changed.Length)] is { Length: > 0 } cut ? cut : changed;
            case 1:
                return [.. changed, .. changed[random.Next(changed.Length)..]];
            case 2:
                changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                return changed;
            default:
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
                return changed;
        }
    }
}
