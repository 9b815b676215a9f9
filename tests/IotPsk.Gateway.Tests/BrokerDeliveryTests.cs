using System.Text;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Gateway.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Gateway.Tests;

/// <summary>From the queue to the broker: in order, at least once, and past whatever a broker does.</summary>
public sealed class BrokerDeliveryTests
{
    [Fact]
    public async Task It_comes_with_a_session_that_lasts_under_a_name_no_device_can_have()
    {
        await using var bench = new TelemetryBench();
        string password = Path.GetTempFileName();
        File.WriteAllText(password, "open sesame\n");
        await bench.StartAsync(bench.Configuration with { PasswordFile = password });
        MqttConnect connect;
        using (FakeBrokerConnection broker = bench.Accept())
        {
            connect = broker.ReadConnect();
            Assert.False(connect.CleanSession);
            Assert.Equal("~iotpsk", connect.UserName);
            Assert.Equal("open sesame", Encoding.UTF8.GetString(connect.Password));
            Assert.InRange(connect.KeepAlive, 10, 120);
            Assert.False(DeviceId.IsValid(connect.ClientId));
            broker.Write(packet => new MqttConnAck().Write(packet, 0));
            MqttSubscribe subscribe = broker.ReadSubscribe();
            Assert.Equal(("plant/a/+/cmd/#", 1), (subscribe.Filter, subscribe.QualityOfService));
        }
        await bench.RestartAsync();
        await bench.StartAsync();
        using FakeBrokerConnection again = bench.Accept();
        MqttConnect second = again.ReadConnect();
        Assert.Equal(connect.ClientId, second.ClientId);
        Assert.Null(second.Password);
        File.Delete(password);
    }

    [Fact]
    public async Task Messages_go_in_their_order_and_leave_the_queue_when_they_are_acknowledged()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        Assert.True(bench.Publish("dev/registration", "{}", retain: true));
        using FakeBrokerConnection broker = bench.Welcome();
        MqttPublish first = broker.ReadPublish();
        Assert.Equal(("plant/a/dev/registration", 1, true, false), (first.Topic, first.QualityOfService, first.Retain, first.IsDuplicate));
        broker.Acknowledge(first);
        for (int i = 0; i < 50; i++)
            Assert.True(bench.Publish($"dev/{i}", $"value {i}"));
        var read = Enumerable.Range(0, 50).Select(_ => broker.ReadPublish()).ToList();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"plant/a/dev/{i} value {i}"), read.Select(Text));
        Assert.Equal(50, bench.Service.Queue!.Count);
        // Also in another order than they came.
        foreach (MqttPublish publish in Enumerable.Reverse(read))
            broker.Acknowledge(publish);
        TelemetryBench.Until(() => bench.Service.Queue.IsIdle, "the queue is empty");
        Assert.Equal(51, bench.Service.Counters.Published);
    }

    [Fact]
    public async Task What_was_not_acknowledged_comes_again_as_a_duplicate_under_its_identifier()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        for (int i = 0; i < 5; i++)
            Assert.True(bench.Publish("t", $"{i}"));
        List<MqttPublish> before;
        using (FakeBrokerConnection broker = bench.Welcome())
        {
            before = [.. Enumerable.Range(0, 5).Select(_ => broker.ReadPublish())];
            broker.Acknowledge(before[0]);
            broker.Acknowledge(before[2]);
            TelemetryBench.Until(() => bench.Service.Counters.Published == 2, "two are acknowledged");
        }
        TelemetryBench.Until(() => !bench.Service.IsConnected, "the end is seen");
        Assert.True(bench.Publish("t", "5"));
        using FakeBrokerConnection again = bench.Welcome(sessionPresent: true);
        List<MqttPublish> after = [.. Enumerable.Range(0, 4).Select(_ => again.ReadPublish())];
        Assert.Equal([before[1].PacketId, before[3].PacketId, before[4].PacketId], after[..3].Select(p => p.PacketId));
        Assert.Equal(["1", "3", "4", "5"], after.Select(Payload));
        Assert.Equal([true, true, true, false], after.Select(p => p.IsDuplicate));
        after.ForEach(again.Acknowledge);
        TelemetryBench.Until(() => bench.Service.Queue!.IsIdle, "the queue is empty");
    }

    [Fact]
    public async Task What_was_not_acknowledged_comes_again_after_a_restart()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        Assert.True(bench.Publish("t", "0") && bench.Publish("t", "1") && bench.Publish("t", "2"));
        using (FakeBrokerConnection broker = bench.Welcome())
        {
            broker.Acknowledge(broker.ReadPublish());
            TelemetryBench.Until(() => bench.Service.Counters.Published == 1, "one is acknowledged");
        }
        await bench.RestartAsync();
        await bench.StartAsync();
        using FakeBrokerConnection again = bench.Welcome(sessionPresent: true);
        Assert.Equal(["1", "2"], [Payload(again.ReadPublish()), Payload(again.ReadPublish())]);
    }

    [Fact]
    public async Task A_broker_that_does_not_acknowledge_gets_no_more_than_a_window()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        using FakeBrokerConnection broker = bench.Welcome();
        for (int i = 0; i < 299; i++)
            bench.Service.Publish("t", Encoding.UTF8.GetBytes($"{i}"), retain: false, taken: null);
        Assert.True(bench.Publish("t", "299"));
        var window = Enumerable.Range(0, 100).Select(_ => broker.ReadPublish()).ToList();
        Assert.True(broker.IsSilent);
        Assert.Equal(100, window.Select(p => p.PacketId).Distinct().Count());
        for (int i = 0; i < 300; i++)
        {
            if (window.Count == i)
                window.Add(broker.ReadPublish());
            Assert.Equal($"{i}", Payload(window[i]));
            broker.Acknowledge(window[i]);
        }
        TelemetryBench.Until(() => bench.Service.Queue!.IsIdle, "the queue is empty");
    }

    [Fact]
    public async Task A_message_the_broker_chokes_on_does_not_hold_up_those_behind_it()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        foreach (string payload in (string[])["0", "poison", "2", "3"])
            Assert.True(bench.Publish("dev/x", payload));
        var delivered = new List<string>();
        while (delivered.Count < 3)
        {
            using FakeBrokerConnection broker = bench.Welcome(sessionPresent: true);
            while (delivered.Count < 3 && broker.ReadPublish() is var publish && Payload(publish) != "poison")
            {
                delivered.Add(Payload(publish));
                broker.Acknowledge(publish);
            }
        }
        Assert.Equal(["0", "2", "3"], delivered);
        bench.WaitForLog("MessagePutAside");
        Assert.Equal(1, bench.Service.Aside);
        TelemetryBench.Until(() => bench.Service.Queue!.IsIdle, "the rest is delivered");
        await bench.RestartAsync();
        await bench.StartAsync();
        using FakeBrokerConnection next = bench.Welcome();
        Assert.Equal("poison", Payload(next.ReadPublish()));
    }

    [Fact]
    public async Task A_broker_that_ends_every_connection_costs_no_message()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        for (int i = 0; i < 3; i++)
            Assert.True(bench.Publish("dev/x", $"{i}"));
        for (int i = 0; i < 15; i++)
        {
            using FakeBrokerConnection broker = bench.Accept();
            broker.ReadConnect();
            broker.Write(packet => new MqttConnAck().Write(packet, 0));
            broker.ReadSubscribe();
        }
        using FakeBrokerConnection good = bench.Welcome();
        for (int i = 0; i < 3; i++)
        {
            MqttPublish publish = good.ReadPublish();
            Assert.Equal($"{i}", Payload(publish));
            good.Acknowledge(publish);
        }
        Assert.Equal(0, bench.Service.Aside);
    }

    [Theory]
    [InlineData(4, "Telemetry.PasswordFile")]
    [InlineData(5, "does not authorise user ~iotpsk without a password (CONNACK 5)")]
    [InlineData(3, "not available (CONNACK 3)")]
    public async Task A_refusal_is_told_once_with_its_name_and_its_end_too(int code, string words)
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            using FakeBrokerConnection broker = bench.Accept();
            broker.ReadConnect();
            broker.Write([0x20, 2, 0, (byte)code]);
            broker.ReadEnd();
        }
        bench.WaitForLog(words);
        using FakeBrokerConnection good = bench.Welcome();
        bench.WaitForLog("BrokerConnected");
        Assert.Single(bench.Log.Lines, line => line.Contains("BrokerAway", StringComparison.Ordinal));
        Assert.Equal(3, bench.Service.Counters.ConnectFailures);
    }

    [Fact]
    public async Task A_silent_broker_is_asked_and_then_left()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        using (FakeBrokerConnection broker = bench.Welcome())
        {
            TelemetryBench.Until(() => bench.Service.IsConnected, "the broker is connected");
            bench.Time.Advance(TimeSpan.FromSeconds(14));
            Assert.True(broker.IsSilent);
            TelemetryBench.Until(() =>
            {
                bench.Time.Advance(TimeSpan.FromSeconds(1));
                return !broker.IsSilent;
            }, "the broker is asked");
            Assert.Equal(MqttPacketType.PingReq, broker.ReadType());
            TelemetryBench.Until(() =>
            {
                bench.Time.Advance(TimeSpan.FromSeconds(1));
                return bench.Log.Lines.Any(line => line.Contains("it said nothing for 4", StringComparison.Ordinal));
            }, "the broker is given up");
        }
        using FakeBrokerConnection again = bench.Welcome();
    }

    [Fact]
    public async Task A_message_that_is_not_acknowledged_in_time_comes_again_on_another_connection()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        Assert.True(bench.Publish("t", "x"));
        using (FakeBrokerConnection broker = bench.Welcome())
        {
            Assert.Equal("x", Payload(broker.ReadPublish()));
            TelemetryBench.Until(() =>
            {
                // It is alive, and answers everything else.
                broker.TryWrite([0xd0, 0]);
                bench.Time.Advance(TimeSpan.FromSeconds(1));
                return bench.Log.Lines.Any(line => line.Contains("did not acknowledge a message for 6", StringComparison.Ordinal));
            }, "the broker is given up");
        }
        using FakeBrokerConnection again = bench.Welcome(sessionPresent: true);
        MqttPublish publish = again.ReadPublish();
        Assert.Equal(("x", true), (Payload(publish), publish.IsDuplicate));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("0000")]
    [InlineData("20020000")]
    [InlineData("3000")]
    [InlineData("340700014100016162")]
    [InlineData("90030001")]
    public async Task What_is_no_MQTT_ends_the_connection_and_another_one_is_made(string hex)
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        using (FakeBrokerConnection broker = bench.Welcome())
        {
            broker.Write(hex == "garbage" ? [0xff, 0xff, 0xff, 0xff, 0xff] : hex.Length == 8 && hex[0] == '9' ? [0x90, 3, 0xff, 0xfe, 1] : Convert.FromHexString(hex));
            broker.ReadEnd();
        }
        using FakeBrokerConnection again = bench.Welcome();
        Assert.True(bench.Publish("t", "x"));
        Assert.Equal("x", Payload(again.ReadPublish()));
    }

    [Fact]
    public async Task A_stop_lets_the_broker_take_what_is_queued_and_says_goodbye()
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        using FakeBrokerConnection broker = bench.Welcome();
        TelemetryBench.Until(() => bench.Service.IsConnected, "the broker is connected");
        for (int i = 0; i < 300; i++)
            bench.Service.Publish("t", Encoding.UTF8.GetBytes($"{i}"), retain: false, taken: null);
        Task stop = bench.Service.StopAsync(TimeSpan.FromDays(1));
        for (int i = 0; i < 300; i++)
        {
            MqttPublish publish = broker.ReadPublish();
            Assert.Equal($"{i}", Payload(publish));
            broker.Acknowledge(publish);
        }
        while (!stop.IsCompleted)
        {
            bench.Time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Delay(1);
        }
        Assert.Equal(MqttPacketType.Disconnect, broker.ReadType());
        broker.ReadEnd();
        Assert.False(bench.Publish("t", "late"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/t")]
    [InlineData("a/+/b")]
    [InlineData("a/#")]
    [InlineData("a\u0001b")]
    [InlineData("a\0b")]
    [InlineData("\ufffe")]
    [InlineData("\ud83f\udfff")]
    public async Task A_topic_that_would_end_the_connection_is_not_taken(string topic)
    {
        await using var bench = new TelemetryBench();
        await bench.StartAsync();
        Assert.False(bench.Publish(topic, "x"));
        Assert.False(bench.Publish(string.Join('/', Enumerable.Repeat("a", 200)), "x"));
        Assert.Equal(2, bench.Service.Counters[TelemetryRefusal.InvalidTopic]);
        Assert.True(bench.Publish("größe/\ud83d\ude00", "x"));
    }

    [Fact]
    public async Task Another_broker_gets_what_the_first_one_did_not_acknowledge()
    {
        await using var bench = new TelemetryBench();
        using var other = new FakeBroker();
        await bench.StartAsync();
        using FakeBrokerConnection first = bench.Welcome();
        Assert.True(bench.Publish("t", "0"));
        Assert.Equal("plant/a/t 0", Text(first.ReadPublish()));
        await bench.StartAsync(bench.Configuration with { Mqtt = new("tcp", "127.0.0.1", other.Port), TopicPrefix = "b" });
        using FakeBrokerConnection second = other.Accept(bench.Time);
        second.Welcome();
        Assert.Equal("b/t 0", Text(second.ReadPublish()));
    }

    private static string Payload(MqttPublish publish) => Encoding.UTF8.GetString(publish.Payload, publish.PayloadOffset, publish.PayloadCount);

    private static string Text(MqttPublish publish) => $"{publish.Topic} {Payload(publish)}";
}
