using System.Net;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Datagrams;

public class DatagramHandshakeTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_device_connects_and_is_answered(bool connectionId)
    {
        using var bench = new DatagramBench();
        using var client = bench.Connect(connectionId: connectionId);
        Assert.Equal("hello", client.Echo("hello"));
        Assert.Equal("again", client.Echo("again"));
        var session = bench.SessionOf();
        Assert.Equal(connectionId, DatagramBench.On(session, each => each.HasConnectionId));
        Assert.Equal((client.Local, 10L, 10L), (session.Remote, session.BytesUp, session.BytesDown));
        Assert.Equal(TlsProtocol.Dtls12, session.Tls!.Version);
        Assert.Equal(1, bench.Metrics.CookiesSent);
        Assert.Equal((1L, 1L, 1L), (bench.Metrics.Accepted, bench.Metrics.HandshakesCompleted, bench.Metrics.Sessions));
        Assert.Equal([TestResolver.Device], bench.Resolver.Verifications);
        bench.Events.Wait("connected");
    }

    [Fact]
    public void Nothing_is_kept_and_no_key_asked_for_before_the_cookie_came_back()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server);
        client.Start();
        client.ReceiveRaw();
        Assert.Equal(1, bench.Metrics.CookiesSent);
        Assert.Equal((0L, 0L), (bench.Metrics.Accepted, bench.Metrics.PskRequests));
        Assert.Equal(0, bench.Listener.Gate.HalfOpen);
    }

    [Fact]
    public async Task A_key_that_another_thread_finds_later_serves_as_well()
    {
        using var bench = new DatagramBench();
        using var asked = new ManualResetEventSlim();
        PskRequest? request = null;
        bench.Resolver.OnResolve = each =>
        {
            request = each;
            asked.Set();
        };
        using var client = new DatagramClient(bench.Server);
        var handshake = Task.Run(() => client.Handshake());
        Assert.True(asked.Wait(TimeSpan.FromSeconds(30)));
        bench.Settle();
        Assert.Equal(1, bench.Listener.Gate.HalfOpen);
        TestResolver.Provide(request!, "late");
        Assert.Null(await handshake.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal("hello", client.Echo("hello"));
        Assert.Equal(1, bench.Metrics.PskRequests);
    }

    [Fact]
    public void A_rejected_identity_meets_silence_and_the_reason_is_told_here()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server, "stranger");
        // Here it is known at once; to the client it looks like a wrong key, as long as that takes.
        client.HandshakeInVain(() => bench.Events.Count("failed Rejected") == 1, "the identity is rejected");
        Assert.Equal("unknown device stranger", bench.Events.Failures[0].Detail);
        Assert.Equal(1, bench.Listener.Gate.HalfOpen);
        bench.Time.Advance(TimeSpan.FromSeconds(60));
        Bench.Until(() => bench.Listener.Gate.Connections == 0, "its time is over");
        Assert.Equal((1, 1L), (bench.Events.Failures.Count, bench.Metrics.HandshakesFailed));
    }

    [Fact]
    public void A_wrong_key_ends_with_the_time()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server, psk: new byte[32]);
        client.HandshakeInVain(() => bench.Metrics.PskRequests == 1, "the server asks for the key");
        bench.Settle();
        bench.Time.Advance(TimeSpan.FromSeconds(60));
        bench.Events.Wait("failed");
        Assert.Equal(0, bench.Metrics.Sessions);
        Assert.Empty(bench.Resolver.Verifications);
    }

    [Fact]
    public void A_resolver_that_throws_costs_its_own_client_alone()
    {
        using var bench = new DatagramBench();
        bench.Resolver.OnResolve = _ => throw new InvalidOperationException("resolver bug");
        using var client = new DatagramClient(bench.Server);
        Assert.NotNull(client.Handshake());
        bench.Events.Wait("fault resolver bug");
        bench.Events.Wait("failed ResolverFailed");
        bench.Resolver.OnResolve = TestResolver.ProvideNow;
        using var other = bench.Connect();
        Assert.Equal("fine", other.Echo("fine"));
    }

    [Fact]
    public void A_client_that_never_finishes_is_forgotten_in_time()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server);
        Verified(client);
        bench.Until(metrics => metrics.Accepted == 1, "the hello is verified");
        Assert.Equal(1, bench.Listener.Gate.HalfOpen);
        for (var i = 0; i < 60; i++) bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Events.Wait("failed");
        Assert.Equal(0, bench.Listener.Gate.Connections);
    }

    [Fact]
    public void A_cookie_serves_only_the_address_it_was_given_to_and_for_a_while()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server);
        var hello = Verified(client, send: false);
        using var thief = new DatagramClient(bench.Server);
        thief.SendRaw(hello);
        bench.Until(metrics => metrics.CookiesSent == 2, "the thief is asked for a cookie of its own");
        bench.Time.Advance(TimeSpan.FromMinutes(3));
        client.SendRaw(hello);
        bench.Until(metrics => metrics.CookiesSent == 3, "the old cookie is worth nothing");
        Assert.Equal(0, bench.Metrics.Accepted);
    }

    [Fact]
    public void A_repeated_hello_is_one_handshake_and_none_any_more_once_it_is_done()
    {
        using var bench = new DatagramBench();
        using var client = new DatagramClient(bench.Server);
        var hello = Verified(client);
        client.SendRaw(hello);
        client.SendRaw(hello);
        Assert.Null(client.Handshake());
        client.SendRaw(hello);
        Assert.Equal("hello", client.Echo("hello"));
        Assert.Equal((1L, 1L), (bench.Metrics.Accepted, bench.Metrics.HandshakesCompleted));
        Assert.Equal(0, bench.Listener.Gate.HalfOpen);
    }

    [Fact]
    public void A_client_that_begins_again_in_the_middle_gets_its_second_handshake()
    {
        using var bench = new DatagramBench();
        using var before = new DatagramClient(bench.Server);
        using var after = new DatagramClient(bench.Server);
        Verified(before);
        // The answer to the first hello goes down with the client.
        before.ReceiveRaw();
        before.Swap(after);
        Assert.Null(after.Handshake());
        Assert.Equal("hello", after.Echo("hello"));
        bench.Events.Wait("failed Restarted");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_a_reboot_the_old_association_lives_until_the_new_handshake_is_done(bool connectionId)
    {
        using var bench = new DatagramBench();
        using var before = bench.Connect(connectionId: connectionId);
        using var after = new DatagramClient(bench.Server, connectionId: connectionId);
        before.Swap(after);
        Verified(after);
        var answer = after.ReceiveRaw();
        before.Swap(after);
        Assert.Equal("still here", before.Echo("still here"));
        before.Swap(after);
        after.Process(answer);
        Assert.Null(after.Handshake());
        bench.Events.Wait("closed Replaced");
        Assert.Equal("reborn", after.Echo("reborn"));
        Assert.Equal(1, bench.Metrics.Sessions);
    }

    [Fact]
    public void Another_device_at_the_address_does_not_end_an_association_that_has_a_connection_id()
    {
        using var bench = new DatagramBench();
        using var sleeper = bench.Connect("device-a");
        using var newcomer = new DatagramClient(bench.Server, "device-b");
        sleeper.Swap(newcomer);
        Assert.Null(newcomer.Handshake());
        sleeper.Rebind();
        Assert.Equal("awake", sleeper.Echo("awake"));
        Assert.Equal("here", newcomer.Echo("here"));
        Assert.Equal(2, bench.Metrics.Sessions);
    }

    [Fact]
    public void Half_open_handshakes_are_limited_for_each_network_and_in_all()
    {
        var limits = new NetLimits { HalfOpenPerPrefix = 2, HalfOpen = 3, ExemptLoopback = false };
        using var bench = new DatagramBench(limits: limits);
        using var clients = new Disposables(Enumerable.Range(0, 3).Select(i =>
        {
            var client = new DatagramClient(bench.Server, from: IPAddress.Parse($"127.0.1.{i + 1}"));
            Verified(client);
            return client;
        }));
        bench.Until(metrics => metrics is { Accepted: 2, RefusedPrefix: 1 }, "the third of the network is refused");
        using var other = new DatagramClient(bench.Server, from: IPAddress.Parse("127.0.2.1"));
        using var last = new DatagramClient(bench.Server, from: IPAddress.Parse("127.0.3.1"));
        Verified(other);
        bench.Until(metrics => metrics.Accepted == 3, "another network has its own places");
        Verified(last);
        bench.Until(metrics => metrics.RefusedHalfOpen == 1, "but there are no more than so many");
        bench.Events.Wait("refused TooManyHalfOpenOfPrefix");
        bench.Events.Wait("refused TooManyHalfOpen");
        for (var i = 0; i < 60; i++) bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Until(metrics => metrics.HandshakesFailed == 3, "they run out of time");
        Assert.Null(last.Handshake());
    }

    /// <summary>Brings a client to its hello with the cookie.</summary>
    internal static byte[] Verified(DatagramClient client, bool send = true)
    {
        client.Start();
        var request = client.ReceiveRaw();
        client.Dtls.Receive(request, Environment.TickCount64, new byte[4096], out _, out _);
        var hello = client.NextFlight();
        if (send) client.SendRaw(hello);
        return hello;
    }
}
