using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

/// <summary>Alone, for the heap is everybody's.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public class MemoryTests
{
    public static TheoryData<CipherSuite> Suites => [.. Support.Suites.All];

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [MemberData(nameof(Suites))]
    public void Records_are_written_and_read_without_allocation(CipherSuite suite)
    {
        using var link = new Link(Support.Suites.Client(suite), answer: s => Support.Suites.Provide(s, suite));
        link.Connect();
        byte[] data = new byte[20_000];
        byte[] wire = new byte[30_000];
        byte[] plaintext = new byte[PskTlsConnection.MaxRecordWireSize];

        // Once for what is made at first use.
        RoundTrip(link, data, wire, plaintext);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
            RoundTrip(link, data, wire, plaintext);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void An_idle_connection_keeps_a_few_hundred_managed_bytes()
    {
        const int Count = 200;
        var kept = new PskTlsServer[Count];
        var options = new PskTlsServerOptions();
        PskTlsClientOptions clientOptions = Link.ClientOptions();
        Connect(kept, options, clientOptions);
        Connect(kept, options, clientOptions);
        long before = ManagedMemory.InUse();
        var more = new PskTlsServer[Count];
        Connect(more, options, clientOptions);
        long each = (ManagedMemory.InUse() - before) / Count;
        GC.KeepAlive(kept);
        GC.KeepAlive(more);
        Assert.InRange(each, 100, 700);
    }

    private static void Connect(PskTlsServer[] kept, PskTlsServerOptions options, PskTlsClientOptions clientOptions)
    {
        for (int i = 0; i < kept.Length; i++)
        {
            var link = new Link(clientOptions, options);
            link.Connect();
            link.Client.Dispose();
            kept[i] = link.Server;
        }
    }

    private static void RoundTrip(Link link, byte[] data, byte[] wire, byte[] plaintext)
    {
        if (link.Client.Write(data, wire, out _, out int written) != PskTlsStatus.Complete)
            throw new InvalidOperationException("not written");
        int read = 0;
        for (int at = 0; at < written;)
        {
            if (link.Server.Read(wire.AsSpan(at, written - at), plaintext, out int consumed, out int length) != PskTlsStatus.Complete)
                throw new InvalidOperationException("not read");
            at += consumed;
            read += length;
        }

        if (read != data.Length)
            throw new InvalidOperationException("not all read");
    }
}
