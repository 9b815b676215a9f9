using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

public class PrologueTests
{
    private static Bench NewBench(NetLimits? limits = null) => new(limits, () => new LinePrologue(), echo: false);

    [Fact]
    public void What_it_writes_goes_first_and_the_rest_of_the_client_follows()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        client.Send("hello dev-7\nand "u8);
        client.Send("more"u8);
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user dev-7\nand more"u8, TestUpstream.Read(upstream, 19));
        upstream.Send("welcome"u8);
        Assert.Equal("welcome"u8, client.Receive(7));
    }

    [Fact]
    public void A_line_in_many_records_is_put_together()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        foreach (var part in "hello somebody\n"u8.ToArray())
        {
            client.Send([part]);
            bench.Settle();
        }
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user somebody\n"u8, TestUpstream.Read(upstream, 14));
        Bench.Until(() => bench.Shards.ReadMetrics().BufferedBytes == 0, "no buffer is held");
    }

    [Fact]
    public void It_may_answer_the_client_itself_and_forward_all_the_same()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        client.Send("hello dev!\n"u8);
        Assert.Equal("welcome\n"u8, client.Receive(8));
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user dev!\n"u8, TestUpstream.Read(upstream, 10));
    }

    [Fact]
    public void Data_in_the_finished_flight_reaches_it()
    {
        using var bench = NewBench();
        using var client = new TestClient(bench.Server);
        Assert.Null(client.Handshake(withFinished: "hello early\n"u8));
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user early\n"u8, TestUpstream.Read(upstream, 11));
    }

    [Fact]
    public void A_refusal_is_told_and_the_upstream_never_hears_of_it()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        client.Send("refuse\nrest"u8);
        Assert.Equal("refused\n"u8, client.Receive(8));
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("closed PrologueRefused");
        Assert.False(bench.Upstream.HasCaller);
        Assert.Equal(1, bench.Shards.ReadMetrics().PrologueRefusals);
    }

    [Fact]
    public void A_client_that_never_completes_it_is_closed_in_time()
    {
        using var bench = NewBench(new NetLimits { PrologueTimeout = TimeSpan.FromSeconds(25) });
        using var client = bench.Connect();
        client.Send("hel"u8);
        bench.Settle();
        // The handshake's own time no longer runs.
        bench.Time.Advance(TimeSpan.FromMilliseconds(24_999));
        bench.Settle();
        Assert.Equal(0, bench.Events.Count("closed"));
        bench.Time.Advance(TimeSpan.FromMilliseconds(1));
        bench.Events.Wait("closed PrologueTimeout");
        Assert.True(client.Receive().IsEmpty);
    }

    [Fact]
    public void A_client_that_never_ends_its_line_is_closed_at_the_limit()
    {
        using var bench = NewBench(new NetLimits { PrologueBytes = 1000 });
        using var client = bench.Connect();
        client.Send(new byte[999]);
        bench.Settle();
        Assert.Equal(0, bench.Events.Count("closed"));
        client.Send(new byte[1]);
        bench.Events.Wait("closed PrologueTooLarge");
        Assert.True(client.Receive().IsEmpty);
    }

    [Fact]
    public void A_bug_in_it_costs_one_session()
    {
        using var bench = NewBench();
        using var healthy = bench.Connect();
        using (var client = bench.Connect())
        {
            client.Send("throw\n"u8);
            Assert.Throws<EndOfStreamException>(() => client.Receive(1));
        }
        bench.Events.Wait("fault prologue bug");
        bench.Events.Wait("closed LocalFault");
        healthy.Send("hello dev\n"u8);
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user dev\n"u8, TestUpstream.Read(upstream, 9));
    }
}
