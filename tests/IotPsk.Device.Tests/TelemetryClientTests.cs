using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Device.App;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

public sealed class TelemetryClientTests : ITelemetryListener, IDisposable
{
    private readonly FakeBroker _broker = new();
    private readonly FakeClock _clock = new();
    private readonly BlockingCollection<string> _heard = [];
    private readonly List<TelemetryClient> _clients = [];

    // What waits for another thread waits in real time.
    private TelemetryClient Client(TelemetryOptions? options = null, IClock? clock = null)
    {
        var client = new TelemetryClient(_broker, options ?? new TelemetryOptions { TakeCommands = false }, this, clock ?? _clock, new Random(1));
        _clients.Add(client);
        return client;
    }

    private string Heard()
    {
        Assert.True(_heard.TryTake(out string? line, TimeSpan.FromSeconds(20)), "the listener hears something");
        return line;
    }

    void ITelemetryListener.OnConnected(TlsConnectionInfo info) => _heard.Add("connected");

    void ITelemetryListener.OnDisconnected(PskException problem, int retryIn) => _heard.Add($"{problem.Code} {(retryIn < 0 ? "end" : "again")}");

    void ITelemetryListener.OnAcknowledged(int sequence) => _heard.Add($"acknowledged {sequence}");

    void ITelemetryListener.OnRekeyed(int epoch, PskException problem) => _heard.Add($"rekeyed {epoch} {problem?.Code}");

    void ITelemetryListener.OnCommand(string name, byte[] payload) => _heard.Add($"{name} {Encoding.UTF8.GetString(payload)}");

    public void Dispose() => _clients.ForEach(client => client.Dispose());

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public void What_is_sent_before_the_connection_goes_out_with_it()
    {
        TelemetryClient client = Client(clock: new UptimeClock());
        Assert.Equal(1, client.Send("telemetry", Bytes("one")));
        client.Start();
        Assert.Equal("CONNECT sensor-1", _broker.Take());
        Assert.Equal("PUBLISH iotpsk/sensor-1/telemetry one", _broker.Take());
        Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
        Assert.Equal(2, client.Send("telemetry", Bytes("two")));
        Assert.Equal("PUBLISH iotpsk/sensor-1/telemetry two", _broker.Take());
        Assert.True(client.Flush(10000));
    }

    [Fact]
    public void A_lost_connection_is_made_again_and_what_was_not_acknowledged_goes_out_again()
    {
        _broker.Acknowledges = false;
        TelemetryClient client = Client();
        client.Start();
        Assert.Equal("connected", Heard());
        client.Send("telemetry", Bytes("one"));
        Assert.Equal(["CONNECT sensor-1", "PUBLISH iotpsk/sensor-1/telemetry one"], [_broker.Take(), _broker.Take()]);
        _broker.Acknowledges = true;
        _broker.Connections[0].Break();
        Assert.Equal("ConnectionLost again", Heard());
        Assert.Equal(["CONNECT sensor-1", "PUBLISH iotpsk/sensor-1/telemetry one dup"], [_broker.Take(), _broker.Take()]);
        Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
        Assert.Equal(0, client.Unacknowledged);
    }

    [Fact]
    public void Attempts_come_ever_more_slowly_and_a_refusal_waits_longest()
    {
        for (int i = 0; i < 3; i++)
            _broker.FailNext(PskError.Unreachable);
        _broker.FailNext(PskError.Refused);
        _broker.RefuseNext(5);
        Client().Start();
        Assert.Equal(["Unreachable again", "Unreachable again", "Unreachable again", "Refused again", "MqttRefused again", "connected"],
            Enumerable.Range(0, 6).Select(_ => Heard()));
        (int, int)[] ranges = [(500, 1000), (1000, 2000), (2000, 4000), (150000, 300000), (150000, 300000)];
        Assert.All(ranges.Zip(_clock.Waits), pair => Assert.InRange(pair.Second, pair.First.Item1, pair.First.Item2));
    }

    [Fact]
    public void A_client_that_does_not_reconnect_ends_with_its_connection()
    {
        _broker.FailNext(PskError.Refused);
        TelemetryClient client = Client(new TelemetryOptions { Reconnect = false });
        client.Start();
        Assert.Equal("Refused end", Heard());
        client.Stop();
        Assert.True(client.HasEnded);
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => client.Send("telemetry", [])).Code);
    }

    [Fact]
    public void Stopping_says_farewell()
    {
        TelemetryClient client = Client(clock: new UptimeClock());
        client.Start();
        Assert.Equal("connected", Heard());
        Assert.Equal("CONNECT sensor-1", _broker.Take());
        client.Send("telemetry", Bytes("one"));
        Assert.True(client.Flush(10000));
        client.Stop();
        Assert.Equal(["PUBLISH iotpsk/sensor-1/telemetry one", "DISCONNECT"], [_broker.Take(), _broker.Take()]);
        Assert.Throws<PskException>(() => client.Send("telemetry", []));
    }

    [Fact]
    public void More_messages_than_the_window_holds_are_refused_and_none_is_lost()
    {
        TelemetryClient client = Client(new TelemetryOptions { WindowSize = 2, TakeCommands = false });
        client.Send("telemetry", Bytes("1"));
        client.Send("telemetry", Bytes("2"));
        Assert.Equal(PskError.WindowFull, Assert.Throws<PskException>(() => client.Send("telemetry", Bytes("3"))).Code);
        client.Start();
        Assert.Equal(["connected", "acknowledged 1", "acknowledged 2"], [Heard(), Heard(), Heard()]);
    }

    [Fact]
    public void Commands_of_this_device_reach_the_application()
    {
        Client(new TelemetryOptions()).Start();
        Assert.Equal(["CONNECT sensor-1", "SUBSCRIBE iotpsk/sensor-1/cmd/#"], [_broker.Take(), _broker.Take()]);
        Assert.Equal("connected", Heard());
        byte[] topic = Bytes("iotpsk/sensor-1/cmd/led"), other = Bytes("iotpsk/sensor-2/cmd/led");
        _broker.Connections[0].Deliver([0x30, (byte)(other.Length + 4), 0, (byte)other.Length, .. other, .. "on"u8]);
        _broker.Connections[0].Deliver([0x30, (byte)(topic.Length + 5), 0, (byte)topic.Length, .. topic, .. "off"u8]);
        Assert.Equal("led off", Heard());
    }

    [Fact]
    public void The_command_rekey_brings_a_new_key_and_a_new_connection()
    {
        _broker.Rekeys = () => 2;
        Client(new TelemetryOptions()).Start();
        Assert.Equal("connected", Heard());
        Command(0, "rekey");
        Assert.Equal(["rekey ", "rekeyed 2 ", "connected"], [Heard(), Heard(), Heard()]);
        Assert.Equal(["CONNECT sensor-1", "SUBSCRIBE iotpsk/sensor-1/cmd/#", "DISCONNECT", "CONNECT sensor-1"], [_broker.Take(), _broker.Take(), _broker.Take(), _broker.Take()]);

        // A broker that retains the command, or repeats it, gets no second one out of the device within the minute.
        Command(1, "rekey");
        Command(1, "led");
        Assert.Equal(["rekey ", "led "], [Heard(), Heard()]);
        _clock.Advance(60000);
        Command(1, "rekey");
        Assert.Equal(["rekey ", "rekeyed 2 ", "connected"], [Heard(), Heard(), Heard()]);
    }

    [Fact]
    public void A_key_that_is_not_given_changes_nothing_and_an_application_may_keep_the_command_for_itself()
    {
        _broker.Rekeys = () => throw new PskException(PskError.RekeyTooSoon);
        Client(new TelemetryOptions()).Start();
        Assert.Equal("connected", Heard());
        Command(0, "rekey");
        Command(0, "led");
        Assert.Equal(["rekey ", "rekeyed 0 RekeyTooSoon", "led "], [Heard(), Heard(), Heard()]);
        Assert.Single(_broker.Connections);

        Client(new TelemetryOptions { TakeRekey = false }).Start();
        Assert.Equal("connected", Heard());
        Command(1, "rekey");
        Command(1, "led");
        Assert.Equal(["rekey ", "led "], [Heard(), Heard()]);
    }

    private void Command(int connection, string name)
    {
        byte[] topic = Bytes("iotpsk/sensor-1/cmd/" + name);
        _broker.Connections[connection].Deliver([0x30, (byte)(topic.Length + 2), 0, (byte)topic.Length, .. topic]);
    }

    [Theory]
    [InlineData(true, 235, "23.5")]
    [InlineData(true, -5, "-0.5")]
    [InlineData(false, 0, null)]
    public void A_measurement_is_JSON_and_a_missing_sensor_is_null(bool hasSensor, int tenths, string? expected)
    {
        JsonNode json = JsonNode.Parse(TelemetryMessage.Measure("a:b", 3, new TestBoard { HasSensor = hasSensor, Tenths = tenths }))!;
        Assert.Equal(("a:b", 3, 12, 4096L), (json["device"]!.GetValue<string>(), json["seq"]!.GetValue<int>(), json["uptime"]!.GetValue<int>(), json["memory"]!.GetValue<long>()));
        Assert.Equal(expected, json["temperature"]?.ToJsonString());
    }

    [Fact]
    public void The_application_sends_so_many_messages_and_tells_whether_all_arrived()
    {
        using var application = new TelemetryApplication(Client(clock: new UptimeClock()), new TestBoard { Tenths = 200 }, new TelemetrySettings { Count = 3, Interval = 1000 }, _clock);
        Assert.True(application.Run());
        Assert.Equal(["CONNECT", "PUBLISH", "PUBLISH", "PUBLISH", "DISCONNECT"], Enumerable.Range(0, 5).Select(_ => _broker.Take().Split(' ')[0]));

        _broker.FailNext(PskError.Refused);
        using var refused = new TelemetryApplication(Client(new TelemetryOptions { Reconnect = false }, new UptimeClock()), new TestBoard { Tenths = 200 }, new TelemetrySettings { Count = 1 }, _clock);
        Assert.False(refused.Run());
    }
}
