using System.Collections.Concurrent;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Sessions;

public class PskAnswerTests
{
    private static Task<TlsError?> Handshake(TestClient client) =>
        Task.Factory.StartNew(() => client.Handshake(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static PskRequest Take(BlockingCollection<PskRequest> requests) =>
        requests.TryTake(out var request, TimeSpan.FromSeconds(30)) ? request : throw new TimeoutException("No key was asked for.");

    [Fact]
    public async Task A_key_from_another_thread_and_later_completes_the_handshake()
    {
        using var bench = new Bench();
        var requests = new BlockingCollection<PskRequest>();
        bench.Resolver.OnResolve = requests.Add;
        using var client = new TestClient(bench.Server);
        var handshake = Handshake(client);
        var request = Take(requests);
        Assert.Equal("test", request.Listener);
        Assert.Equal(client.Socket.LocalEndPoint, request.Remote);
        bench.Time.Advance(TimeSpan.FromSeconds(9));
        TestResolver.Provide(request, "late");
        Assert.Null(await handshake);
        Assert.Equal("ok", client.Echo("ok"));
        Assert.Equal("late", Assert.Single(bench.Resolver.Verifications));
    }

    [Fact]
    public async Task Other_clients_are_served_while_one_waits_for_its_key()
    {
        using var bench = new Bench();
        var requests = new BlockingCollection<PskRequest>();
        bench.Resolver.OnResolve = requests.Add;
        using var waiting = new TestClient(bench.Server);
        var handshake = Handshake(waiting);
        var request = Take(requests);
        bench.Resolver.OnResolve = TestResolver.ProvideNow;
        using (var other = bench.Connect()) Assert.Equal("served", other.Echo("served"));
        TestResolver.Provide(request, "done");
        Assert.Null(await handshake);
    }

    [Fact]
    public void An_answer_that_overtakes_resolve_itself_is_not_lost()
    {
        using var bench = new Bench();
        bench.Resolver.OnResolve = request =>
        {
            var answering = new Thread(() => TestResolver.Provide(request, "fast"));
            answering.Start();
            answering.Join();
        };
        using var client = bench.Connect();
        Assert.Equal("ok", client.Echo("ok"));
    }

    [Fact]
    public void A_rejection_or_failure_from_another_thread_reaches_the_client()
    {
        using var bench = new Bench();
        bench.Resolver.OnResolve = request => Task.Run(() => request.Reject("revoked"));
        using (var client = new TestClient(bench.Server)) Assert.Equal(AlertDescription.DecryptError, client.Handshake()?.Alert);
        bench.Resolver.OnResolve = request => Task.Run(() => request.Fail("queue full"));
        using (var client = new TestClient(bench.Server)) Assert.Equal(AlertDescription.InternalError, client.Handshake()?.Alert);
        bench.Events.Wait("failed", 2);
        Assert.Equal(["revoked", "queue full"], bench.Events.Failures.Select(f => f.Detail));
    }

    [Fact]
    public void A_key_that_never_comes_ends_with_the_handshake_time_and_its_late_answer_is_dropped()
    {
        using var bench = new Bench();
        var requests = new BlockingCollection<PskRequest>();
        bench.Resolver.OnResolve = requests.Add;
        using var client = new TestClient(bench.Server);
        client.SendRaw(client.FirstFlight());
        var request = Take(requests);
        Assert.True(request.IsAlive);
        bench.Settle();
        bench.Time.Advance(TimeSpan.FromSeconds(10));
        bench.Events.Wait("failed ResolverTimeout");
        Assert.False(request.IsAlive);
        TestResolver.Provide(request, "too late");
        bench.Settle();
        Assert.Equal(0, bench.Events.Count("connected"));
        Assert.Empty(bench.Events.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_client_that_leaves_while_its_key_is_looked_up_is_noticed_at_once(bool reset)
    {
        using var bench = new Bench();
        var requests = new BlockingCollection<PskRequest>();
        bench.Resolver.OnResolve = requests.Add;
        var client = new TestClient(bench.Server);
        client.SendRaw(client.FirstFlight());
        var request = Take(requests);
        bench.Settle();
        if (reset) client.Reset();
        else client.Dispose();
        bench.Events.Wait(reset ? "failed PeerReset" : "failed PeerClosed");
        Assert.False(request.IsAlive);
        TestResolver.Provide(request, "too late");
        bench.Settle();
        Assert.Empty(bench.Events.Faults);
    }

    [Fact]
    public void The_first_answer_counts()
    {
        using var bench = new Bench();
        Exception? second = null, third = null;
        bench.Resolver.OnResolve = request =>
        {
            TestResolver.Provide(request, "first");
            second = Record.Exception(() => request.Reject("second"));
            third = Record.Exception(() => TestResolver.Provide(request, "third"));
        };
        using var client = bench.Connect();
        Assert.Null(second);
        Assert.Null(third);
        Assert.Equal("ok", client.Echo("ok"));
        Assert.Equal("first", Assert.Single(bench.Resolver.Verifications));
    }

    [Fact]
    public void Identities_are_readable_only_before_the_answer_and_within_resolve()
    {
        using var bench = new Bench();
        PskRequest? kept = null;
        Exception? afterAnswer = null;
        bench.Resolver.OnResolve = request =>
        {
            kept = request;
            Assert.Equal(1, request.Count);
            Assert.Throws<ArgumentOutOfRangeException>(() => request.Identity(1).Length);
            TestResolver.ProvideNow(request);
            afterAnswer = Record.Exception(() => request.Identity(0).Length);
        };
        using var client = bench.Connect();
        Assert.IsType<InvalidOperationException>(afterAnswer);
        Assert.Throws<InvalidOperationException>(() => kept!.Identity(0).Length);
    }

    [Fact]
    public void Keys_of_impossible_length_and_unknown_indexes_are_the_callers_mistake()
    {
        using var bench = new Bench();
        bench.Resolver.OnResolve = request =>
        {
            Assert.Throws<ArgumentException>(() => request.Provide(0, [], PskBinder.External, TlsHash.Sha256, "tag"));
            Assert.Throws<ArgumentException>(() => request.Provide(0, new byte[257], PskBinder.External, TlsHash.Sha256, "tag"));
            Assert.Throws<ArgumentOutOfRangeException>(() => request.Provide(1, TestResolver.Key, PskBinder.External, TlsHash.Sha256, "tag"));
            Assert.Throws<ArgumentNullException>(() => request.Provide(0, TestResolver.Key, PskBinder.External, TlsHash.Sha256, null!));
            TestResolver.Provide(request, "right");
        };
        using var client = bench.Connect();
        Assert.Empty(bench.Events.Faults);
    }

    [Fact]
    public void An_answer_after_the_shards_ended_erases_its_key()
    {
        var requests = new BlockingCollection<PskRequest>();
        PskRequest request;
        using (var bench = new Bench())
        {
            bench.Resolver.OnResolve = requests.Add;
            using var client = new TestClient(bench.Server);
            client.SendRaw(client.FirstFlight());
            request = Take(requests);
        }
        Assert.False(request.IsAlive);
        var answer = PskAnswer.Provide(request, 0, TestResolver.Key, PskBinder.External, TlsHash.Sha256, default, "tag");
        Assert.False(answer.IsErased);
        answer.Discard();
        Assert.True(answer.IsErased);
        TestResolver.Provide(request, "ignored");
    }

    [Fact]
    public void A_delivered_answer_erases_its_key_whether_or_not_the_session_lives()
    {
        using var bench = new Bench();
        var requests = new BlockingCollection<PskRequest>();
        bench.Resolver.OnResolve = requests.Add;
        using var client = new TestClient(bench.Server);
        client.SendRaw(client.FirstFlight());
        var request = Take(requests);
        bench.Settle();
        var answers = Enumerable.Range(0, 2).Select(_ =>
            PskAnswer.Provide(request, 0, TestResolver.Key, PskBinder.External, TlsHash.Sha256, default, "tag")).ToList();
        // The second finds a session that no longer waits.
        answers.ForEach(answer => bench.Shards.Shards[0].Loop.TryPost(answer));
        bench.Settle();
        Assert.All(answers, answer => Assert.True(answer.IsErased));
        Assert.Empty(bench.Events.Faults);
    }
}
