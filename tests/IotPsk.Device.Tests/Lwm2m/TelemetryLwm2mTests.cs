using System.Collections.Concurrent;
using System.Text;
using IotPsk.Device.App;
using IotPsk.Device.Tests.Support;
using IotPsk.Lwm2m.Management;

namespace IotPsk.Device.Tests.Lwm2m;

/// <summary>LwM2M behind the front door, and the application on it. Time is virtual; the device's thread is a real one.</summary>
public sealed class TelemetryLwm2mTests : ITelemetryListener
{
    private readonly FakeClock _clock = new();
    private readonly ServerLab _server;
    private readonly LabConnector _connector;
    private readonly BlockingCollection<string> _heard = [];

    public TelemetryLwm2mTests()
    {
        _server = new ServerLab(_clock);
        _connector = new LabConnector(_server);
    }

    void ITelemetryListener.OnConnected(TlsConnectionInfo info) => _heard.Add("connected");

    void ITelemetryListener.OnDisconnected(PskException problem, int retryIn) => _heard.Add($"{problem.Code} {(retryIn < 0 ? "end" : "again")}");

    void ITelemetryListener.OnAcknowledged(int sequence) => _heard.Add($"acknowledged {sequence}");

    void ITelemetryListener.OnCommand(string name, byte[] payload) => _heard.Add($"{name} {Encoding.UTF8.GetString(payload)}");

    void ITelemetryListener.OnRekeyed(int epoch, PskException problem) => _heard.Add($"epoch {epoch}");

    private TelemetryClient Client(byte[]? state = null, Lwm2mObject[]? objects = null, bool reconnect = true, IClock? clock = null, bool queueMode = false) =>
        new(_connector, new TelemetryOptions { Protocol = TelemetryProtocol.Lwm2m, State = state, Objects = objects, Reconnect = reconnect, Lwm2m = new Lwm2mOptions { IsQueueMode = queueMode } }, this, clock ?? _clock, new Random(1));

    private string Heard()
    {
        Assert.True(_heard.TryTake(out string? line, TimeSpan.FromSeconds(20)), "the listener hears something");
        return line;
    }

    [Fact]
    public void It_registers_sends_values_and_leaves_in_order()
    {
        using TelemetryClient client = Client();
        Assert.Equal(1, client.Send("/3303/0/5700", 20.5));
        Assert.Equal(1, client.Unacknowledged);
        client.Start();
        Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
        Assert.Equal(TelemetryState.Connected, client.State);
        client.Stop();
        Assert.Equal(["registered /1 /1/0 /3 /3/0 /3303/0", "Deregistered"], _server.Registrations);
        Assert.StartsWith("Send /3303/0/5700=20.5", _server.Values.Single(), StringComparison.Ordinal);
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => client.Send("3303/0/5700", 1)).Code);
        Assert.Equal(1, _connector.Closed);
    }

    [Theory]
    [InlineData("telemetry")]
    [InlineData("3303/0")]
    [InlineData("3303/0/1")]
    [InlineData("")]
    public void A_value_needs_the_path_of_a_resource_that_is_measured(string path)
    {
        using TelemetryClient client = Client();
        Assert.Throws<ArgumentException>(() => client.Send(path, 1));
        Assert.Throws<ArgumentException>(() => client.Send(path, [1]));
    }

    [Fact]
    public void A_lost_association_is_made_again_and_what_was_not_acknowledged_is_delivered_once()
    {
        _connector.Failures.Enqueue(PskError.NoAnswer);
        using TelemetryClient client = Client();
        client.Start();
        Assert.Equal(["NoAnswer again", "connected"], [Heard(), Heard()]);
        _server.IsDead = true;
        client.Send("3303/0/5700", 1);
        Assert.Equal("CoapSilent again", Heard());
        _server.IsDead = false;
        // Attempts that began before fail, too.
        string heard;
        while ((heard = Heard()) == "CoapSilent again")
        {
        }
        Assert.Equal(["connected", "acknowledged 1"], [heard, Heard()]);
        Assert.Single(_server.Values);
    }

    [Fact]
    public void A_refused_device_without_another_attempt_comes_to_its_end()
    {
        _connector.Failures.Enqueue(PskError.Refused);
        using TelemetryClient client = Client(reconnect: false);
        client.Start();
        Assert.Equal("Refused end", Heard());
        Assert.True(SpinWait.SpinUntil(() => client.HasEnded, 10_000));
    }

    [Fact]
    public void The_servers_reboot_is_a_command()
    {
        using TelemetryClient client = Client();
        client.Start();
        Assert.Equal("connected", Heard());
        client.Stop();
        // On this thread alone, now that the client's has ended.
        using TelemetryClient other = Client();
        var device = new DeviceLab(_clock);
        _server.Reconnect();
        device.Attach(_server);
        device.Client.Run(100);
        List<Lwm2mAnswer> answers = _server.Ask(Lwm2mVerb.Execute, "/3/0/4");
        device.Client.Run(100);
        Assert.Equal(1, device.Reboots);
        Assert.Single(answers);
    }

    [Fact]
    public void A_sleeping_client_gives_its_state_and_the_next_one_begins_with_data()
    {
        byte[]? state;
        using (TelemetryClient client = Client(queueMode: true))
        {
            client.Send("3303/0/5700", 20);
            client.Start();
            Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
            state = client.Sleep(60_000);
        }
        Assert.NotNull(state);
        Assert.Equal((1, 1, 0), (_connector.Handshakes, _connector.Saved, _connector.Closed));
        int before = _server.Datagrams;
        using (TelemetryClient client = Client(state))
        {
            client.Send("3303/0/5700", 21);
            client.Start();
            Assert.Equal(["connected", "acknowledged 2"], [Heard(), Heard()]);
            // One datagram, its answer, and no registration.
            Assert.Equal(before + 1, _server.Datagrams);
            _connector.CannotSave = true;
            client.Sleep(60_000);
        }
        Assert.Equal("VaultFull again", Heard());
        Assert.Single(_server.Registrations);
        Assert.EndsWith("Q", _server.Registrations[0], StringComparison.Ordinal);
    }

    [Fact]
    public void An_association_over_which_nothing_is_acknowledged_is_not_saved()
    {
        using TelemetryClient client = Client(clock: new UptimeClock());
        client.Start();
        Assert.Equal("connected", Heard());
        _server.IsDead = true;
        int before = _server.Datagrams;
        client.Send("3303/0/5700", 20);
        Assert.True(SpinWait.SpinUntil(() => _server.Datagrams > before, 20_000));
        byte[] state = client.Sleep(60_000);
        Assert.Equal((0, 1), (_connector.Saved, _connector.Closed));
        _server.IsDead = false;
        var again = new LabConnector(_server);
        using var woken = new TelemetryClient(again, new TelemetryOptions { Protocol = TelemetryProtocol.Lwm2m, State = state }, this, _clock, new Random(1));
        woken.Start();
        Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
        Assert.Equal(1, again.Handshakes);
    }

    [Fact]
    public void The_application_sleeps_after_its_value_and_goes_on_when_it_wakes()
    {
        var board = new TestBoard { NetworkFailures = 2 };
        for (int i = 0; i < 3; i++)
        {
            board.Tenths = 200 + i;
            var objects = new BoardObjects(board, ServerLab.DeviceId, _clock);
            using TelemetryClient client = Client(board.TakeState(), objects.ToArray(), clock: new UptimeClock(), queueMode: true);
            using var application = new TelemetryApplication(client, board,
                new TelemetrySettings { Protocol = TelemetryProtocol.Lwm2m, Sleeps = true, Interval = 60_000, AwakeTime = 1 }, _clock, objects);
            Assert.True(application.Run());
        }
        Assert.Equal([60_000, 60_000, 60_000], board.Sleeps);
        Assert.Equal((1, 3), (_connector.Handshakes, _connector.Saved));
        Assert.Equal(["20", "20.1", "20.2"], _server.Values.Select(v => v.Split('=', '@')[1]));
        Assert.Equal(2, _clock.Waits.Count(w => w == 5000));
        Assert.Single(_server.Registrations);
    }

    [Fact]
    public void Without_a_sensor_the_application_says_so_in_the_device_object()
    {
        var board = new TestBoard { HasSensor = false };
        var objects = new BoardObjects(board, ServerLab.DeviceId, _clock);
        using TelemetryClient client = Client(null, objects.ToArray(), clock: new UptimeClock());
        using var application = new TelemetryApplication(client, board, new TelemetrySettings { Protocol = TelemetryProtocol.Lwm2m, Count = 1, LastWait = 200 }, _clock, objects);
        Assert.False(application.Run());
        var value = new IotPsk.Shared.SenmlRecord();
        Assert.True(objects.ToArray()[0].Read(0, 11, 0, value));
        Assert.Equal(8, value.WholeNumber);
    }

    [Fact]
    public void The_servers_reboot_ends_the_application_in_order_and_starts_the_board_anew()
    {
        var board = new TestBoard();
        var objects = new BoardObjects(board, ServerLab.DeviceId, _clock);
        using TelemetryClient client = Client(null, objects.ToArray(), clock: new UptimeClock());
        using var application = new TelemetryApplication(client, board, new TelemetrySettings { Protocol = TelemetryProtocol.Lwm2m, Interval = 10_000_000 }, new UptimeClock(), objects);
        var thread = new Thread(() => application.Run());
        thread.Start();
        Assert.Equal(["connected", "acknowledged 1"], [Heard(), Heard()]);
        ((IDeviceActions)objects).Reboot();
        thread.Join();
        Assert.Equal(1, board.Reboots);
        Assert.Equal("Deregistered", _server.Registrations[^1]);
    }
}
