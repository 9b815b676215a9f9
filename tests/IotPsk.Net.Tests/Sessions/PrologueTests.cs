using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

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
    public void A_reply_that_comes_later_is_followed_by_close_notify()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        client.Send("wait\nwhat is sent meanwhile is nobody's"u8);
        var session = WaitForPrologue(bench);
        Assert.True(Reply(bench, session, "here it is"u8.ToArray()));
        Assert.Equal("here it is"u8, client.Receive(10));
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("closed PrologueAnswered");
        Assert.False(bench.Upstream.HasCaller);
        Assert.False(Reply(bench, session, "again"u8.ToArray()));
    }

    [Fact]
    public async Task Nobody_is_answered_who_does_not_wait()
    {
        using var bench = NewBench();
        using var client = bench.Connect();
        var session = WaitForPrologue(bench);
        Assert.False(Reply(bench, session, "unasked"u8.ToArray()));
        Assert.False(Reply(bench, session + 1, "nobody"u8.ToArray()));
        Assert.False(Reply(bench, long.MaxValue, "nobody"u8.ToArray()));
        client.Send("wait\n"u8);
        bench.Settle();
        var info = (await bench.Shards.GetSessionsAsync()).Single();
        Assert.False(info.IsOver);
        client.Socket.Dispose();
        bench.Events.Wait("closed Peer");
        Assert.True(info.IsOver);
        Assert.False(Reply(bench, session, "too late"u8.ToArray()));
    }

    [Fact]
    public void A_reply_that_does_not_come_is_not_waited_for_longer_than_for_the_client()
    {
        using var bench = NewBench(new NetLimits { PrologueTimeout = TimeSpan.FromSeconds(25) });
        using var client = bench.Connect();
        client.Send("wait\n"u8);
        bench.Settle();
        bench.Time.Advance(TimeSpan.FromSeconds(25));
        bench.Events.Wait("closed PrologueTimeout");
        Assert.True(client.Receive().IsEmpty);
    }

    [Fact]
    public void An_application_protocol_has_a_prologue_of_its_own_and_others_are_as_good_as_none()
    {
        using var bench = new Bench(echo: true);
        bench.Listener.Update(bench.Listener.Options with
        {
            Tls = new PskTlsServerOptions { ApplicationProtocols = ["lines/1"u8.ToArray()], RequireApplicationProtocol = false },
            ProtocolPrologue = protocol => protocol.Span.SequenceEqual("lines/1"u8) ? new LinePrologue() : throw new InvalidOperationException(),
        });
        using var lines = new TestClient(bench.Server, TestTls.ProtocolClient(TestResolver.Device, TestResolver.Key, "lines/1"));
        Assert.Null(lines.Handshake());
        lines.Send("refuse\n"u8);
        Assert.Equal("refused\n"u8, lines.Receive(8));
        using var other = new TestClient(bench.Server, TestTls.ProtocolClient(TestResolver.Device, TestResolver.Key, "other/1"));
        Assert.Null(other.Handshake());
        using var none = bench.Connect();
        foreach (var client in (TestClient[])[other, none])
        {
            client.Send("refuse\n"u8);
            Assert.Equal("refuse\n"u8, client.Receive(7));
        }
    }

    private static long WaitForPrologue(Bench bench)
    {
        bench.Settle();
        return bench.Shards.GetSessionsAsync().GetAwaiter().GetResult().Single().Id;
    }

    private static bool Reply(Bench bench, long session, byte[] reply)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Shards.Reply(session, reply, done.SetResult);
        return done.Task.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
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
