namespace IotPsk.Net.Tests.Datagrams;

public class DatagramPathTests
{
    private static readonly byte[] Large = new byte[300];

    [Fact]
    public void An_address_that_is_not_proved_gets_three_times_what_came_from_it()
    {
        using var bench = new DatagramBench { OnReceived = (_, _) => { } };
        using var client = bench.Connect();
        var session = bench.SessionOf();
        client.Rebind();
        var datagram = client.Seal(new byte[100]);
        client.SendRaw(datagram);
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        Assert.True(DatagramBench.On(session, each => each.IsPathUnproved));
        var sent = DatagramBench.On(session, each => Enumerable.Range(0, 100).Count(_ => each.Send([1, 2, 3])));
        Assert.Equal(100 - sent, bench.Metrics.PathLimited);
        var sizes = Enumerable.Range(0, sent).Select(_ => client.ReceiveRaw().Length).ToList();
        Assert.InRange(sizes.Sum(), (3 * datagram.Length) - sizes[0] + 1, 3 * datagram.Length);
        Assert.False(DatagramBench.On(session, each => each.Send(Large)));
    }

    [Fact]
    public void Once_the_device_has_answered_there_is_no_limit_any_more()
    {
        var path = 0;
        using var bench = new DatagramBench();
        bench.OnReceived = (session, _) =>
        {
            if (session.IsPathUnproved) session.ConfirmPath(path);
        };
        using var client = bench.Connect();
        client.Rebind();
        client.Send("I moved"u8);
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        var session = bench.SessionOf();
        path = DatagramBench.On(session, each =>
        {
            each.Send("are you there?"u8);
            return each.Path;
        });
        Assert.Equal("are you there?"u8, client.Receive());
        client.Send("yes"u8);
        bench.Until(metrics => metrics.AddressesConfirmed == 1, "the answer proves the address");
        Assert.True(DatagramBench.On(session, each => Enumerable.Range(0, 20).All(_ => each.Send(Large))));
        bench.Time.Advance(TimeSpan.FromHours(1));
        bench.Settle();
        Assert.Equal((client.Local, 0L), (session.Remote, bench.Metrics.AddressesRestored));
    }

    [Fact]
    public void An_answer_to_what_was_sent_before_the_move_proves_nothing()
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect();
        var before = DatagramBench.On(bench.SessionOf(), each => each.Path);
        bench.OnReceived = (session, _) =>
        {
            session.Send("x"u8);
            session.ConfirmPath(before);
        };
        client.Rebind();
        client.Send("an answer that a thief passes on"u8);
        client.Receive();
        Assert.True(DatagramBench.On(bench.SessionOf(), each => each.IsPathUnproved));
    }

    [Fact]
    public void An_answer_from_the_old_address_does_not_prove_the_new_one()
    {
        using var bench = new DatagramBench { OnReceived = (_, _) => { } };
        using var client = bench.Connect();
        using var thief = new DatagramClient(bench.Server);
        var session = bench.SessionOf();
        // The thief is faster than the device's own copy, which only counts as a repetition.
        var answer = client.Seal("acknowledged"u8);
        thief.SendRaw(client.Seal("passed on"u8));
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        var path = DatagramBench.On(session, each =>
        {
            each.Send("x"u8);
            return each.Path;
        });
        bench.OnReceived = (each, _) => each.ConfirmPath(path);
        client.SendRaw(answer);
        bench.Until(metrics => session.BytesUp >= 21, "the answer has come");
        Assert.Equal(0, bench.Metrics.AddressesConfirmed);
        Assert.True(DatagramBench.On(session, each => each.IsPathUnproved));
    }

    [Fact]
    public void Nothing_that_is_only_said_to_be_an_answer_counts_while_nothing_was_sent()
    {
        using var bench = new DatagramBench { OnReceived = (session, _) => session.ConfirmPath(session.Path) };
        using var client = bench.Connect();
        client.Rebind();
        client.Send("I moved"u8);
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        Assert.True(DatagramBench.On(bench.SessionOf(), each => each.IsPathUnproved));
    }

    [Fact]
    public void An_address_that_stays_unproved_is_given_up_for_the_old_one()
    {
        using var bench = new DatagramBench { OnReceived = (_, _) => { } };
        using var client = bench.Connect();
        using var thief = new DatagramClient(bench.Server);
        var session = bench.SessionOf();
        thief.SendRaw(client.Seal("passed on"u8));
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        Assert.Equal(thief.Local, session.Remote);
        bench.Time.Advance(TimeSpan.FromSeconds(60));
        bench.Until(metrics => metrics.AddressesRestored == 1, "the time is over");
        Assert.Equal(client.Local, session.Remote);
        Assert.True(DatagramBench.On(session, each => each.Send(Large)));
        Assert.Equal(Large, client.Receive());
    }

    [Fact]
    public void The_devices_own_next_record_brings_the_address_back_at_once()
    {
        using var bench = new DatagramBench { OnReceived = (_, _) => { } };
        using var client = bench.Connect();
        using var thief = new DatagramClient(bench.Server);
        var session = bench.SessionOf();
        thief.SendRaw(client.Seal("passed on"u8));
        bench.Until(metrics => metrics.AddressMoves == 1, "the address has moved");
        client.Send("it is me"u8);
        bench.Until(metrics => metrics.AddressMoves == 2, "and back");
        Assert.False(DatagramBench.On(session, each => each.IsPathUnproved));
        Assert.Equal(client.Local, session.Remote);
        bench.Time.Advance(TimeSpan.FromHours(1));
        bench.Settle();
        Assert.Equal(0, bench.Metrics.AddressesRestored);
    }

    [Fact]
    public void From_one_unproved_address_to_the_next_the_proved_one_is_kept()
    {
        using var bench = new DatagramBench { OnReceived = (_, _) => { } };
        using var client = bench.Connect();
        using var first = new DatagramClient(bench.Server);
        using var second = new DatagramClient(bench.Server);
        var session = bench.SessionOf();
        first.SendRaw(client.Seal("one"u8));
        second.SendRaw(client.Seal("two"u8));
        bench.Until(metrics => metrics.AddressMoves == 2, "the address has moved twice");
        Assert.Equal(second.Local, session.Remote);
        bench.Time.Advance(TimeSpan.FromSeconds(60));
        bench.Until(metrics => metrics.AddressesRestored == 1, "the time is over");
        Assert.Equal(client.Local, session.Remote);
    }
}
