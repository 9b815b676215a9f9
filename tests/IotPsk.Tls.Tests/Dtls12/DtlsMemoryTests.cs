using IotPsk.Tls.Tests.Records;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>Alone, for the heap is everybody's.</summary>
[Collection(nameof(MemoryTests))]
public class DtlsMemoryTests
{
    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [MemberData(nameof(DtlsHandshakeTests.Suites), MemberType = typeof(DtlsHandshakeTests))]
    public void Records_are_written_and_read_without_allocation(CipherSuite suite)
    {
        using var link = new VirtualLink(DtlsTickets.Client(suite), clientId: [1], serverId: [2, 3]);
        link.Connect();
        byte[] data = new byte[64], datagram = new byte[2000], plaintext = new byte[2000];
        Exchange();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Exchange();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Exchange()
        {
            link.Client.Write(data, datagram, out int length);
            link.Server!.Receive(datagram.AsSpan(0, length), 0, plaintext, out _, out int read);
            link.Server.Write(plaintext.AsSpan(0, read), datagram, out length);
            link.Client.Receive(datagram.AsSpan(0, length), 0, plaintext, out _, out read);
            if (read != data.Length)
                throw new InvalidOperationException("not read");
        }
    }

    [Fact]
    public void An_idle_association_keeps_less_than_three_hundred_managed_bytes()
    {
        const int Count = 500;
        var kept = new PskDtlsServer[Count];
        Connect(kept);
        long before = ManagedMemory.InUse();
        var more = new PskDtlsServer[Count];
        Connect(more);
        long each = (ManagedMemory.InUse() - before) / Count;
        GC.KeepAlive(kept);
        GC.KeepAlive(more);
        Assert.InRange(each, 100, 300);
    }

    private static void Connect(PskDtlsServer[] kept)
    {
        for (int i = 0; i < kept.Length; i++)
        {
            var link = new VirtualLink(clientId: [1], serverId: new byte[8]);
            link.Connect();
            link.Exchange();
            link.Client.Dispose();
            kept[i] = link.Server!;
        }
    }
}
