using System.Text;
using IotPsk.Device.App;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

/// <summary>What the application does on <c>cmd/interval</c> and <c>cmd/reboot</c>, each of which a broker may hand out twice.</summary>
public sealed class ApplicationCommandTests : ITelemetryListener, IDisposable
{
    private const string Done = """{"code":"2.04"}""";
    private readonly FakeBroker _broker = new();
    private readonly TelemetryClient _client;
    private readonly TelemetryApplication _application;
    private readonly Thread _thread;
    private readonly SemaphoreSlim _connected = new(0);
    private readonly TestBoard _board = new() { HasSensor = false };

    public ApplicationCommandTests()
    {
        var clock = new UptimeClock();
        _client = new TelemetryClient(_broker, new TelemetryOptions { FirstRetry = 1, LongestRetry = 1 }, this, clock, new Random(1));
        _application = new TelemetryApplication(_client, _board, new TelemetrySettings { Interval = 3_600_000 }, clock);
        _thread = new Thread(() => _application.Run());
        _thread.Start();
        Assert.True(_connected.Wait(TimeSpan.FromSeconds(20)));
        Assert.Equal(["CONNECT", "PUBLISH", "SUBSCRIBE"], Words(3).Order());
    }

    [Fact]
    public void An_interval_counts_at_once_and_is_answered()
    {
        Deliver("interval", "1", packetId: 5);
        Assert.Equal(["PUBACK", $"PUBLISH iotpsk/sensor-1/reply/interval {Done}"], Take(2).Order());
        Assert.StartsWith("PUBLISH iotpsk/sensor-1/telemetry {", _broker.Take(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("")]
    [InlineData("-5")]
    [InlineData("86401")]
    [InlineData("99999999999999")]
    [InlineData("1.5")]
    [InlineData("soon")]
    public void An_interval_out_of_bounds_is_refused_and_changes_nothing(string text)
    {
        Deliver("interval", text, packetId: 5);
        string reply = Take(2).Single(line => line.StartsWith("PUBLISH", StringComparison.Ordinal));
        Assert.StartsWith("PUBLISH iotpsk/sensor-1/reply/interval {\"code\":\"4.00\"", reply, StringComparison.Ordinal);
        Assert.Empty(_broker.Log);
    }

    [Fact]
    public void A_reboot_comes_after_its_acknowledgement_and_its_answer_and_a_farewell()
    {
        Deliver("reboot", "", packetId: 9);
        Assert.Equal(["PUBACK", $"PUBLISH iotpsk/sensor-1/reply/reboot {Done}"], Take(2).Order());
        Assert.Equal("DISCONNECT", _broker.Take());
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal(1, _board.Reboots);
    }

    [Fact]
    public void A_reboot_that_the_server_does_not_know_to_be_acknowledged_waits_for_the_next_connection()
    {
        RebootIsNotAcknowledged();
        // The server hands the command out again: it is the same one, and is answered over this connection, too.
        Deliver("reboot", "", packetId: 9, duplicate: true);
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        AssertRebootedOnce(answers: 2);
    }

    [Fact]
    public void A_reboot_that_a_server_hands_out_again_long_after_it_has_the_answer_is_answered_before_it_is_carried_out()
    {
        RebootIsNotAcknowledged();
        string[] first = Take(3);
        Assert.Contains(first, line => line == $"PUBLISH iotpsk/sensor-1/reply/reboot {Done} dup");
        Assert.True(SpinWait.SpinUntil(() => _client.Unacknowledged == 0, TimeSpan.FromSeconds(20)));
        // Were it to start anew now, it would do so again when it is back and the command comes once more.
        _broker.Acknowledges = false;
        Deliver("reboot", "", packetId: 9, duplicate: true);
        Assert.Equal(["PUBACK", $"PUBLISH iotpsk/sensor-1/reply/reboot {Done}"], Take(2).Order());
        Assert.Equal(0, _board.Reboots);
        _broker.Acknowledges = true;
        _broker.Connections[^1].Break();
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        AssertRebootedOnce(answers: 1);
    }

    [Fact]
    public void A_reboot_that_does_not_come_again_is_carried_out_once_it_is_answered()
    {
        RebootIsNotAcknowledged();
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        AssertRebootedOnce(answers: 1);
    }

    [Fact]
    public void A_retained_command_is_not_carried_out()
    {
        Deliver("reboot", "", packetId: 9, retain: true);
        Assert.Equal("PUBACK", _broker.Take());
        Deliver("interval", "7200", packetId: 10);
        Assert.Equal(["PUBACK", $"PUBLISH iotpsk/sensor-1/reply/interval {Done}"], Take(2).Order());
        Assert.Equal(0, _board.Reboots);
    }

    [Fact]
    public void What_it_does_not_know_it_says_so()
    {
        Assert.False(_application.OnCommand("led", []));
        Assert.True(_application.OnCommand("interval", "5"u8.ToArray()));
    }

    void ITelemetryListener.OnConnected(TlsConnectionInfo info) => _connected.Release();

    void ITelemetryListener.OnRekeyed(int epoch, PskException problem)
    {
    }

    void ITelemetryListener.OnDisconnected(PskException problem, int retryIn)
    {
    }

    void ITelemetryListener.OnAcknowledged(int sequence)
    {
    }

    void ITelemetryListener.OnCommand(string name, byte[] payload) => _application.OnCommand(name, payload);

    public void Dispose()
    {
        _application.Stop();
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        _application.Dispose();
        _client.Dispose();
        _connected.Dispose();
    }

    // The connection is lost after the device answered; there is another one then.
    private void RebootIsNotAcknowledged()
    {
        _broker.Acknowledges = false;
        Deliver("reboot", "", packetId: 9);
        Assert.Equal(["PUBACK", $"PUBLISH iotpsk/sensor-1/reply/reboot {Done}"], Take(2).Order());
        Assert.Equal(0, _board.Reboots);
        _broker.Acknowledges = true;
        _broker.Connections[0].Break();
        Assert.True(_connected.Wait(TimeSpan.FromSeconds(20)));
    }

    private void AssertRebootedOnce(int answers)
    {
        string[] rest = [.. _broker.Log];
        Assert.Equal(answers, rest.Count(line => line.Contains("reply/reboot", StringComparison.Ordinal)));
        Assert.Equal("DISCONNECT", rest[^1]);
        Assert.Equal(1, _board.Reboots);
    }

    private string[] Take(int count) => [.. Enumerable.Range(0, count).Select(_ => _broker.Take())];

    private string[] Words(int count) => [.. Take(count).Select(line => line.Split(' ')[0])];

    private void Deliver(string command, string payload, int packetId, bool retain = false, bool duplicate = false)
    {
        byte[] packet = new byte[256];
        int size = new MqttPublish
        {
            Topic = "iotpsk/sensor-1/cmd/" + command, QualityOfService = 1, PacketId = packetId, Retain = retain, IsDuplicate = duplicate,
            Payload = Encoding.UTF8.GetBytes(payload), PayloadCount = payload.Length,
        }.Write(packet, 0);
        _broker.Connections[^1].Deliver(packet[..size]);
    }
}
