using System.Net;
using System.Net.Sockets;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramMemoryTests
{
    private static readonly int Associations = Environment.GetEnvironmentVariable("IOTPSK_LONG") is null ? 3_000 : 100_000;

    [Fact]
    public void An_idle_association_costs_less_than_a_kilobyte()
    {
        using var bench = new DatagramBench();
        bench.Resolver.OnResolve = request => request.Provide(0, TestResolver.Key, PskBinder.External, TlsHash.Sha256, "device");
        (bench.KeepsSessions, bench.Events.IsDeaf, bench.Resolver.IsDeaf) = (false, true, true);
        Open(bench, 0, 500);
        var (managed, process) = Measure();
        Open(bench, 500, Associations);
        // At first the engine keeps its last flight, in case that it got lost.
        Assert.Equal(Associations + 500, bench.Metrics.Sessions);
        Check(Measure(), 1000);
        bench.Time.Advance(TimeSpan.FromMinutes(5));
        bench.Settle();
        Check(Measure(), 600);

        void Check((long Managed, long Process) now, int most)
        {
            Assert.InRange((now.Managed - managed) / Associations, 1, most);
            // Below a hundred thousand the process's own ups and downs are larger.
            if (Associations >= 100_000) Assert.InRange((now.Process - process) / Associations, long.MinValue, 1000);
        }
    }

    /// <summary>Handshakes of clients that forget them at once: what grows is the server's.</summary>
    private static void Open(DatagramBench bench, int first, int count)
    {
        var options = new PskDtlsClientOptions
        {
            Credential = TestTls.Credential("device", TestResolver.Key),
            CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8],
            KeepsTicket = false,
        };
        byte[] buffer = new byte[4096], plain = new byte[4096];
        var target = bench.Server.Serialize();
        for (var i = first; i < first + count; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
            socket.Bind(new IPEndPoint(new IPAddress([127, 2, (byte)(i >> 14), (byte)(i >> 6)]), 20_000 + (i & 63)));
            using var client = new PskDtlsClient(options, default);
            client.Continue(0);
            while (!client.IsConnected)
            {
                while (client.Flush(buffer, out var written)) socket.SendTo(buffer.AsSpan(0, written), SocketFlags.None, target);
                ReadOnlySpan<byte> datagram = buffer.AsSpan(0, socket.Receive(buffer));
                while (!datagram.IsEmpty)
                {
                    client.Receive(datagram, 0, plain, out var consumed, out _);
                    datagram = datagram[consumed..];
                }
            }
        }
    }

    private static (long Managed, long Process) Measure()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet);
    }
}
