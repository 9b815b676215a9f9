using IotPsk.TestSupport;
using System.Diagnostics;
using System.Net;

namespace IotPsk.Net.Tests.Support;

/// <summary>A shard set on virtual time with one listener, a resolver, an event log and an upstream.</summary>
internal sealed class Bench : IDisposable
{
    internal static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    internal Bench(NetLimits? limits = null, Func<SessionPrologue>? prologue = null, bool echo = true, int shards = 1, EndPoint? upstream = null)
    {
        Upstream = new TestUpstream(echo);
        Shards = new ShardSet(limits ?? new NetLimits(), Resolver, Time, Events, shards);
        Listener = Shards.Listen(new TlsListenerOptions
        {
            Name = "test",
            Listen = AnyPort,
            Upstream = upstream ?? Upstream.EndPoint,
            Tls = TestTls.Server,
            Prologue = prologue,
        });
    }

    internal FakeTimeProvider Time { get; } = new();

    internal TestResolver Resolver { get; } = new();

    internal TestEvents Events { get; } = new();

    internal TestUpstream Upstream { get; }

    internal ShardSet Shards { get; }

    internal TlsListener Listener { get; }

    internal IPEndPoint Server => Listener.EndPoint;

    internal TestClient Connect() => TestClient.Connected(Server);

    /// <summary>Lets every loop take a turn, so that what was ready before has been handled.</summary>
    internal void Settle()
    {
        for (var i = 0; i < 3; i++) Shards.GetSessionsAsync().WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    /// <summary>Waits for something that the loops bring about; fails after a generous time.</summary>
    internal static void Until(Func<bool> condition, string what)
    {
        var since = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(since) > TimeSpan.FromSeconds(30)) throw new TimeoutException($"It never came true that {what}.");
            Thread.Sleep(1);
        }
    }

    public void Dispose()
    {
        Shards.Dispose();
        Upstream.Dispose();
        Assert.Equal(0, Shards.ReadMetrics().Connections);
        Assert.Equal(0, Shards.ReadMetrics().HalfOpen);
        Assert.Equal(0, Shards.ReadMetrics().BufferedBytes);
    }
}
