using System.Net;
using IotPsk.Net.Tests.Support;
using IotPsk.TestSupport;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Datagrams;

/// <summary>A shard set on virtual time with one DTLS listener and an application that echoes.</summary>
internal sealed class DatagramBench : IDisposable
{
    private readonly List<string> _log = [];

    internal DatagramBench(int shards = 1, Func<DatagramListenerOptions, DatagramListenerOptions>? configure = null, NetLimits? limits = null, DatagramSnapshot? snapshot = null)
    {
        Shards = new ShardSet(limits ?? new NetLimits(), Resolver, Time, Events, shards);
        var options = new DatagramListenerOptions
        {
            Name = "lwm2m",
            // Tests open it again after they closed it, and until then nobody else gets it.
            Listen = new IPEndPoint(IPAddress.Loopback, FreePorts.Take()),
            Dtls = new PskDtlsServerOptions(),
            Application = shard => Make(shard),
        };
        Listener = Shards.Listen(configure is null ? options : configure(options), snapshot);
    }

    internal FakeTimeProvider Time { get; } = new();

    internal TestResolver Resolver { get; } = new();

    internal TestEvents Events { get; } = new();

    internal ShardSet Shards { get; }

    internal DatagramListener Listener { get; }

    internal IPEndPoint Server => Listener.EndPoint;

    internal List<DatagramSession> Sessions { get; } = [];

    internal List<TestApplication> Applications { get; } = [];

    /// <summary>Whether sessions and what happens to them are noted.</summary>
    internal bool KeepsSessions { get; set; } = true;

    /// <summary>Replaces the echo.</summary>
    internal Action<DatagramSession, byte[]>? OnReceived { get; set; }

    internal DatagramMetrics Metrics => Shards.ReadDatagramMetrics();

    internal List<string> Log
    {
        get
        {
            lock (_log) return [.. _log];
        }
    }

    internal void Note(string line)
    {
        if (!KeepsSessions) return;
        lock (_log) _log.Add(line);
    }

    internal DatagramClient Connect(string identity = TestResolver.Device, bool connectionId = true) => DatagramClient.Connected(Server, identity, connectionId);

    /// <summary>The association of a device that connected once.</summary>
    internal DatagramSession SessionOf(string identity = TestResolver.Device)
    {
        lock (Sessions) return Sessions.Last(session => Equals(session.Tag, identity));
    }

    /// <summary>Runs on the association's shard and waits.</summary>
    internal static T On<T>(DatagramSession session, Func<DatagramSession, T> function)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(session.TryPost(each => result.SetResult(function(each))));
        return result.Task.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    /// <summary>Lets every loop take a turn, so that what was sent before has been handled.</summary>
    internal void Settle()
    {
        for (var i = 0; i < 3; i++) Shards.GetSessionsAsync().WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    internal void Until(Func<DatagramMetrics, bool> condition, string what) => Bench.Until(() => condition(Metrics), what);

    public void Dispose()
    {
        Shards.Dispose();
        Assert.Equal(0, Listener.Gate.Connections);
        Assert.Equal(0, Listener.Gate.HalfOpen);
        Assert.Equal(0, Metrics.Sessions);
    }

    private TestApplication Make(DatagramShard shard)
    {
        var application = new TestApplication(this, shard);
        Applications.Add(application);
        return application;
    }
}
