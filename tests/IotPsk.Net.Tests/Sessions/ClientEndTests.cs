using System.Net.Sockets;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

public class ClientEndTests
{
    [Fact]
    public void Close_notify_ends_the_upstreams_input_and_its_answer_still_arrives()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.Send("question"u8);
        client.SendCloseNotify();
        Assert.Equal("question"u8, TestUpstream.ReadAll(upstream));
        upstream.Send("answer"u8);
        upstream.Shutdown(SocketShutdown.Both);
        Assert.Equal("answer"u8, client.Receive(6));
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void An_upstream_that_never_ends_is_given_up_once_the_half_closed_client_hears_nothing_more()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.SendCloseNotify();
        Assert.Empty(TestUpstream.ReadAll(upstream));
        bench.Settle();
        bench.Time.Advance(TimeSpan.FromSeconds(59));
        upstream.Send("still busy"u8);
        Assert.Equal("still busy"u8, client.Receive(10));
        bench.Time.Advance(TimeSpan.FromSeconds(59));
        bench.Settle();
        Assert.Equal(0, bench.Events.Count("closed"));
        bench.Time.Advance(TimeSpan.FromSeconds(60));
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void An_upstream_that_floods_a_client_long_gone_is_cut_off()
    {
        using var bench = new Bench(echo: false);
        var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.SendCloseNotify();
        Assert.Empty(TestUpstream.ReadAll(upstream));
        client.Dispose();
        Assert.Throws<SocketException>(() =>
        {
            for (var i = 0; i < 1000; i++) upstream.Send(new byte[64 * 1024]);
        });
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void What_a_client_sent_before_it_left_over_unread_bytes_is_not_lost_by_a_reset()
    {
        using var bench = new Bench(echo: false);
        var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        upstream.Send("acknowledgement"u8);
        client.Socket.Poll(TimeSpan.FromSeconds(30), SelectMode.SelectRead);
        client.Send("publish"u8);
        client.SendCloseNotify();
        client.Dispose();
        upstream.Send("acknowledgement"u8);
        Assert.Equal("publish"u8, TestUpstream.ReadAll(upstream));
        upstream.Shutdown(SocketShutdown.Both);
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public async Task A_client_that_sends_says_goodbye_and_is_gone_has_everything_delivered()
    {
        using var bench = new Bench(echo: false);
        var data = Patterns.Make(1_000_000, seed: 2);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        var reading = Task.Run(() => TestUpstream.ReadAll(upstream));
        client.Send(data);
        client.SendCloseNotify();
        client.Dispose();
        Assert.Equal(data, await reading);
        upstream.Dispose();
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void Without_close_notify_a_protocol_that_frames_itself_sees_a_plain_end_behind_the_data()
    {
        using var bench = new Bench(echo: false, prologue: () => new LinePrologue());
        using var client = bench.Connect();
        client.Send("hello dev\npublish"u8);
        client.Socket.Shutdown(SocketShutdown.Send);
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user dev\npublish"u8, TestUpstream.ReadAll(upstream));
        bench.Events.Wait("closed PeerTruncated");
    }

    [Fact]
    public void Without_close_notify_a_tunnel_is_reset_so_that_nobody_takes_a_part_for_the_whole()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.Send("half of the fi"u8);
        Assert.Equal("half of the fi"u8, TestUpstream.Read(upstream, 14));
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => upstream.Receive(new byte[1])).SocketErrorCode);
        bench.Events.Wait("closed PeerTruncated");
    }

    [Fact]
    public void A_reset_client_ends_the_session()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.Reset();
        bench.Events.Wait("closed PeerReset");
        Assert.Throws<SocketException>(() => upstream.Receive(new byte[1]));
    }

    [Fact]
    public void A_reset_is_noticed_even_while_reading_is_paused()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        client.Socket.SendTimeout = 200;
        Assert.Throws<SocketException>(() => SendForever(client));
        client.Reset();
        bench.Events.Wait("closed PeerReset");
        Assert.Equal(0, bench.Shards.ReadMetrics().BufferedBytes);
    }

    private static void SendForever(TestClient client)
    {
        while (true) client.Send(new byte[256 * 1024]);
    }

    [Fact]
    public void A_damaged_record_ends_the_session_with_an_alert_and_the_data_before_it_is_delivered()
    {
        using var bench = new Bench(echo: false, prologue: () => new LinePrologue());
        using var client = bench.Connect();
        client.Send("hello dev\ngood"u8);
        using var upstream = bench.Upstream.Accept();
        Assert.Equal("user dev\ngood"u8, TestUpstream.Read(upstream, 13));
        client.Send("also good"u8);
        client.SendRaw([0x17, 3, 3, 0, 32, .. new byte[32]]);
        Assert.Equal("also good"u8, TestUpstream.ReadAll(upstream));
        Assert.Throws<InvalidOperationException>(() => client.Receive(1));
        bench.Events.Wait("closed TlsFailure");
        Assert.NotNull(Assert.Single(bench.Events.Ends).Cause);
    }

    [Fact]
    public void An_alert_of_the_client_ends_the_session()
    {
        using var bench = new Bench(echo: false);
        using var client = bench.Connect();
        using var upstream = bench.Upstream.Accept();
        // The client answers this forgery with bad_record_mac under its own keys.
        client.Forge();
        bench.Events.Wait("closed PeerAlert");
        Assert.True(Assert.Single(bench.Events.Ends).Cause!.SentByPeer);
    }

    [Theory]
    [InlineData("prologue")]
    [InlineData("connecting")]
    public void Leaving_before_the_upstream_stands_ends_the_session(string state)
    {
        using var bench = new Bench(echo: false, prologue: () => new LinePrologue());
        using var client = bench.Connect();
        if (state == "connecting") client.Send("hello dev\n"u8);
        else client.Send("hel"u8);
        client.Reset();
        bench.Events.Wait("closed PeerReset");
        Bench.Until(() => bench.Shards.ReadMetrics().Connections == 0, "the connection is gone");
    }

    [Fact]
    public void A_clean_goodbye_in_the_prologue_is_answered()
    {
        using var bench = new Bench(echo: false, prologue: () => new LinePrologue());
        using var client = bench.Connect();
        client.SendCloseNotify();
        Assert.True(client.Receive().IsEmpty);
        bench.Events.Wait("closed PeerClosed");
        Assert.False(bench.Upstream.HasCaller);
    }
}
