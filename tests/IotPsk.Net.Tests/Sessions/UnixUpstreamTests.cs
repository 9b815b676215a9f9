using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

public sealed class UnixUpstreamTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-unix-").FullName;

    private UnixDomainSocketEndPoint Path => new(System.IO.Path.Combine(_directory, "broker.sock"));

    [Fact]
    public void Plaintext_passes_both_ways()
    {
        using var server = Listen(backlog: 10);
        using var bench = new Bench(prologue: () => new LinePrologue(), upstream: Path);
        using var client = bench.Connect();
        client.Send("hello dev-7\nand more"u8);
        using var upstream = server.Accept();
        upstream.ReceiveTimeout = 30_000;
        Assert.Equal("user dev-7\nand more"u8, TestUpstream.Read(upstream, 19));
        upstream.Send("welcome"u8);
        Assert.Equal("welcome"u8, client.Receive(7));
    }

    [Fact]
    public void A_socket_that_is_not_there_is_told_in_the_words_of_the_protocol()
    {
        using var bench = new Bench(prologue: () => new LinePrologue(), upstream: Path);
        using var client = bench.Connect();
        client.Send("hello dev\n"u8);
        Assert.Equal("unavailable\n"u8, client.Receive(12));
        bench.Events.Wait("upstream no such file or directory");
        bench.Events.Wait("closed UpstreamUnreachable");
    }

    [Fact]
    public void A_full_accept_queue_is_tried_again_until_there_is_room()
    {
        using var server = Listen(backlog: 0);
        using var first = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        first.Connect(Path);
        using var bench = new Bench(prologue: () => new LinePrologue(), upstream: Path);
        using var client = bench.Connect();
        client.Send("hello dev-7\n"u8);
        Bench.Until(() => bench.Shards.ReadMetrics().Sessions == 1, "the session stands");
        bench.Settle();
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Settle();
        Assert.Equal(0, bench.Shards.ReadMetrics().UpstreamConnects);
        server.Accept().Dispose();
        Bench.Until(() =>
        {
            bench.Time.Advance(TimeSpan.FromMilliseconds(30));
            bench.Settle();
            return bench.Shards.ReadMetrics().UpstreamConnects == 1;
        }, "the upstream is connected");
        using var upstream = server.Accept();
        upstream.ReceiveTimeout = 30_000;
        Assert.Equal("user dev-7\n"u8, TestUpstream.Read(upstream, 11));
    }

    [Fact]
    public void An_accept_queue_that_stays_full_is_given_up_after_the_connect_time()
    {
        using var server = Listen(backlog: 0);
        using var first = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        first.Connect(Path);
        using var bench = new Bench(prologue: () => new LinePrologue(), upstream: Path);
        using var client = bench.Connect();
        client.Send("hello dev\n"u8);
        Bench.Until(() => bench.Shards.ReadMetrics().Sessions == 1, "the session stands");
        for (var i = 0; i < 1000 && bench.Events.Count("closed") == 0; i++)
        {
            bench.Settle();
            bench.Time.Advance(TimeSpan.FromMilliseconds(100));
        }
        bench.Events.Wait("closed UpstreamUnreachable");
        Assert.Equal("unavailable\n"u8, client.Receive(12));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private Socket Listen(int backlog)
    {
        var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(Path);
        server.Listen(backlog);
        return server;
    }
}
