using System.Collections.Concurrent;
using System.Text;
using IotPsk.Device.App;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>What an application, a broker or a network can do wrong, and that the telemetry goes on.</summary>
public sealed class TelemetryClientFaultTests : ITelemetryListener, IDisposable
{
    private readonly FakeBroker _broker = new();
    private readonly FakeClock _clock = new();
    private readonly BlockingCollection<string> _heard = [];
    private TelemetryClient? _client;
    private bool _throwsWhenDisconnected;

    private TelemetryClient Client(TelemetryOptions? options = null) =>
        _client = new TelemetryClient(_broker, options ?? new TelemetryOptions { TakeCommands = false }, this, _clock, new Random(1));

    private string Heard()
    {
        Assert.True(_heard.TryTake(out string? line, TimeSpan.FromSeconds(20)), "the listener hears something");
        return line;
    }

    void ITelemetryListener.OnConnected(TlsConnectionInfo info) => _heard.Add("connected");

    void ITelemetryListener.OnDisconnected(PskException problem, int retryIn)
    {
        _heard.Add($"{problem.Code} {(retryIn < 0 ? "end" : "again")}");
        if (_throwsWhenDisconnected)
            throw new InvalidOperationException("an application in trouble");
    }

    void ITelemetryListener.OnAcknowledged(int sequence) => _heard.Add($"acknowledged {sequence}");

    void ITelemetryListener.OnRekeyed(int epoch, PskException problem) => _heard.Add($"rekeyed {epoch}");

    void ITelemetryListener.OnCommand(string name, byte[] payload) => throw new InvalidOperationException(name);

    public void Dispose() => _client?.Dispose();

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Theory]
    [InlineData("a/#")]
    [InlineData("+")]
    [InlineData("nul\0")]
    [InlineData(null)]
    public void A_name_that_is_no_topic_is_refused_and_spoils_nothing(string? name)
    {
        TelemetryClient client = Client();
        Assert.ThrowsAny<ArgumentException>(() => client.Send(name, []));
        client.Start();
        Assert.Equal("connected", Heard());
        Assert.ThrowsAny<ArgumentException>(() => client.Send(name, []));
        Assert.ThrowsAny<ArgumentException>(() => client.Send("telemetry", null));
        Assert.Equal(1, client.Send("telemetry", Bytes("one")));
        Assert.Equal("acknowledged 1", Heard());
        Assert.Equal(0, client.Unacknowledged);
    }

    [Fact]
    public void A_server_that_ends_every_connection_at_once_is_asked_ever_more_slowly()
    {
        Client().Start();
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal("connected", Heard());
            _broker.Connections[i].Break();
            Assert.Equal("ConnectionLost again", Heard());
        }
        Assert.Equal("connected", Heard());
        (int, int)[] ranges = [(500, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 16000), (16000, 32000)];
        Assert.All(ranges.Zip(_clock.Waits), pair => Assert.InRange(pair.Second, pair.First.Item1, pair.First.Item2));

        // One that lasted a minute was a good one.
        _clock.Advance(60000);
        _broker.Connections[6].Break();
        Assert.Equal(["ConnectionLost again", "connected"], [Heard(), Heard()]);
        Assert.InRange(_clock.Waits[6], 500, 1000);
    }

    [Fact]
    public void A_command_that_the_application_fails_on_costs_the_connection_and_no_more()
    {
        Client(new TelemetryOptions()).Start();
        Assert.Equal("connected", Heard());
        byte[] topic = Bytes("iotpsk/sensor-1/cmd/x");
        _broker.Connections[0].Deliver([0x30, (byte)(topic.Length + 2), 0, (byte)topic.Length, .. topic]);
        Assert.Equal(["HandlerFailed again", "connected"], [Heard(), Heard()]);
    }

    [Fact]
    public void A_message_of_QoS_0_waits_for_the_connection_and_goes_out_once()
    {
        _broker.Acknowledges = false;
        TelemetryClient client = Client();
        Assert.Equal(1, client.Send("telemetry", Bytes("once"), 0));
        Assert.Equal(1, client.Unacknowledged);
        client.Start();
        Assert.Equal(["CONNECT sensor-1", "PUBLISH iotpsk/sensor-1/telemetry once"], [_broker.Take(), _broker.Take()]);
        Assert.Equal("connected", Heard());
        Assert.True(SpinWait.SpinUntil(() => client.Unacknowledged == 0, TimeSpan.FromSeconds(20)));
        Assert.True(client.Flush(0));
        client.Send("telemetry", Bytes("again"), 0);
        Assert.Equal("PUBLISH iotpsk/sensor-1/telemetry again", _broker.Take());
        _broker.Connections[0].Break();
        Assert.Equal(["ConnectionLost again", "connected"], [Heard(), Heard()]);
        client.Send("telemetry", Bytes("after"), 1);
        Assert.Equal(["CONNECT sensor-1", "PUBLISH iotpsk/sensor-1/telemetry after"], [_broker.Take(), _broker.Take()]);
    }

    [Fact]
    public void The_state_tells_where_the_client_is()
    {
        _broker.FailNext(PskError.Unreachable);
        var released = new ManualResetEventSlim();
        TelemetryClient client = _client = new TelemetryClient(_broker, new TelemetryOptions { TakeCommands = false }, this, new HeldClock(released), new Random(1));
        Assert.Equal(TelemetryState.Idle, client.State);
        client.Start();
        Assert.Throws<InvalidOperationException>(client.Start);
        Assert.Equal("Unreachable again", Heard());
        Assert.Equal(TelemetryState.Waiting, client.State);
        released.Set();
        Assert.Equal("connected", Heard());
        Assert.True(SpinWait.SpinUntil(() => client.State == TelemetryState.Connected, TimeSpan.FromSeconds(20)));
        client.Stop();
        Assert.Equal(TelemetryState.Ended, client.State);
        Assert.True(_broker.IsCancelled);
        Assert.Throws<InvalidOperationException>(client.Start);
    }

    [Fact]
    public void A_client_that_never_started_can_be_stopped()
    {
        TelemetryClient client = Client();
        client.Stop();
        Assert.True(client.HasEnded);
        Assert.Throws<InvalidOperationException>(client.Start);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        TelemetryOptions[] wrong =
        [
            new() { WindowSize = 0 }, new() { WindowSize = 1001 }, new() { KeepAlive = -1 }, new() { KeepAlive = 65536 },
            new() { QualityOfService = 2 }, new() { TopicPrefix = "#" }, new() { FirstRetry = 0 }, new() { LongestRetry = 1 },
        ];
        Assert.All(wrong, options => Assert.ThrowsAny<ArgumentException>(() => Client(options)));
    }

    [Fact]
    public void Stopping_the_application_does_not_wait_for_a_server_that_is_away()
    {
        const int Day = 86400000;
        _broker.FailNext(PskError.Unreachable);
        var clock = new UptimeClock();
        using var client = new TelemetryClient(_broker, new TelemetryOptions { FirstRetry = Day, LongestRetry = Day }, this, clock, null);
        using var application = new TelemetryApplication(client, new TestBoard(), new TelemetrySettings { Interval = Day, LastWait = Day }, clock);
        bool? complete = null;
        var thread = new Thread(() => complete = application.Run());
        thread.Start();
        Assert.Equal("Unreachable again", Heard());
        // Stopped before it sent anything it would have nothing to regret.
        Assert.True(SpinWait.SpinUntil(() => client.Unacknowledged == 1, TimeSpan.FromSeconds(20)));
        application.Stop();
        Assert.True(thread.Join(TimeSpan.FromSeconds(20)));
        Assert.False(complete);
    }

    [Fact]
    public void An_application_that_throws_when_it_hears_of_a_loss_does_not_end_the_telemetry()
    {
        _throwsWhenDisconnected = true;
        Client().Start();
        Assert.Equal("connected", Heard());
        _broker.Connections[0].Break();
        Assert.Equal(["ConnectionLost again", "connected"], [Heard(), Heard()]);
    }

    [Fact]
    public void A_broker_that_refuses_the_commands_is_not_asked_every_second()
    {
        _broker.SubscriptionCode = 0x80;
        Client(new TelemetryOptions()).Start();
        Assert.Equal(["connected", "SubscriptionRefused again", "connected"], [Heard(), Heard(), Heard()]);
        Assert.InRange(_clock.Waits[0], 150000, 300000);
    }

    /// <summary>A clock whose waits last until they are released.</summary>
    private sealed class HeldClock(ManualResetEventSlim released) : IClock
    {
        public long Now => 0;

        public bool Wait(AutoResetEvent signal, int milliseconds)
        {
            released.Wait();
            return false;
        }
    }
}
