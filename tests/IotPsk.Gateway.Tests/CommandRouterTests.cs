using System.Text;
using System.Text.Json;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Gateway.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Gateway.Tests;

/// <summary>Commands come from the broker, are acknowledged once a handler had them, and answers go where they may.</summary>
public sealed class CommandRouterTests
{
    [Fact]
    public async Task A_command_is_handed_out_and_answered_on_its_own_topic()
    {
        var handler = new Handler();
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/dev-1/cmd/read/3303/0/5700", "", id: 7);
        Assert.Equal(7, broker.ReadAcknowledgement());
        Assert.Equal(("dev-1", "read/3303/0/5700", ""), Assert.Single(handler.Commands));
        Assert.True(broker.IsSilent);
        handler.Replies[0](Encoding.UTF8.GetBytes("21.5"));
        handler.Replies[0](Encoding.UTF8.GetBytes("a second answer counts for nothing"));
        MqttPublish reply = broker.ReadPublish();
        Assert.Equal(("plant/a/dev-1/reply/read/3303/0/5700", "21.5", false), (reply.Topic, Text(reply), reply.Retain));
        broker.Acknowledge(reply);
        Assert.True(broker.IsSilent);
        Assert.Equal(1, bench.Service.Counters[CommandResult.Handled]);
    }

    [Theory]
    [InlineData("""{ "id": "42", "reply": "answers/x", "value": { "reply": "not/this" } }""", "answers/x")]
    [InlineData("""{ "value": [ { "reply": "no" } ], "reply": "answers" }""", "answers")]
    [InlineData("""{ "reply": 5 }""", "reply/write/1/0/1")]
    [InlineData("""{ "reply": "a" } trailing""", "reply/write/1/0/1")]
    [InlineData("""{ "reply": "a" """, "reply/write/1/0/1")]
    [InlineData("""{ "reply": "\ud800" }""", "reply/write/1/0/1")]
    [InlineData("""[ { "reply": "a" } ]""", "reply/write/1/0/1")]
    [InlineData("60", "reply/write/1/0/1")]
    public async Task An_envelope_names_the_reply_topic(string payload, string topic)
    {
        var handler = new Handler { Answer = "ok" };
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/dev/cmd/write/1/0/1", payload, id: 1);
        Assert.Equal($"plant/a/dev/{topic}", ReadReply(broker).Topic);
        Assert.Equal(payload, Assert.Single(handler.Commands).Payload);
    }

    [Theory]
    [InlineData("cmd/reboot")]
    [InlineData("cmd")]
    [InlineData("/x")]
    [InlineData("a/#")]
    [InlineData("")]
    [InlineData("a\\u0000b")]
    public async Task A_reply_topic_that_leads_elsewhere_is_refused_and_nothing_is_done(string reply)
    {
        var handler = new Handler { Answer = "ok" };
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/dev/cmd/execute/3/0/4", $$"""{ "reply": "{{reply}}", "id": "9\"" }""", id: 1);
        MqttPublish answer = ReadReply(broker);
        Assert.Equal("plant/a/dev/reply/execute/3/0/4", answer.Topic);
        using JsonDocument json = JsonDocument.Parse(Text(answer));
        Assert.Equal(("9\"", "4.00"), (json.RootElement.GetProperty("id").GetString(), json.RootElement.GetProperty("code").GetString()));
        Assert.Empty(handler.Commands);
        Assert.Equal(1, bench.Service.Counters[CommandResult.Invalid]);
    }

    [Theory]
    [InlineData("plant/a/dev/cmd")]
    [InlineData("plant/a/dev/cmd/")]
    [InlineData("plant/a/de v/cmd/read/1")]
    [InlineData("plant/a/dev/value/cmd")]
    [InlineData("plant/b/dev/cmd/read/1")]
    [InlineData("plant/a")]
    public async Task What_is_no_command_is_acknowledged_and_dropped(string topic)
    {
        var handler = new Handler();
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish(topic, "x", id: 3);
        Assert.Equal(3, broker.ReadAcknowledgement());
        Assert.Empty(handler.Commands);
        Assert.Equal(1, bench.Service.Counters[CommandResult.Invalid]);
    }

    [Fact]
    public async Task A_retained_command_is_not_carried_out()
    {
        var handler = new Handler();
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/dev/cmd/execute/3/0/4", "", id: 3, retain: true);
        Assert.Equal(3, broker.ReadAcknowledgement());
        Assert.Empty(handler.Commands);
        bench.WaitForLog("CommandRetained");
    }

    [Fact]
    public async Task A_handler_that_fails_costs_its_command_alone_and_the_second_handler_serves_the_rest()
    {
        var handler = new Handler { Devices = ["b"], Answer = "b answers" };
        await using TelemetryBench bench = await StartAsync(new Handler { Devices = ["a"], Fails = true }, handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/a/cmd/read/1", "", id: 1);
        Assert.Equal(1, broker.ReadAcknowledgement());
        broker.Publish("plant/a/b/cmd/read/1", "", id: 2);
        Assert.Equal("b answers", Text(ReadReply(broker)));
        broker.Publish("plant/a/c/cmd/read/1", "", id: 3);
        Assert.Equal(3, broker.ReadAcknowledgement());
        Assert.Equal((1, 1, 1), (bench.Service.Counters[CommandResult.Failed], bench.Service.Counters[CommandResult.Handled], bench.Service.Counters[CommandResult.NotServed]));
    }

    [Fact]
    public async Task A_command_that_is_too_large_is_passed_over_and_never_comes_again()
    {
        var handler = new Handler();
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        broker.Publish("plant/a/dev/cmd/write/5/0/0", new string('x', 3 << 20), id: 300);
        Assert.Equal(300, broker.ReadAcknowledgement());
        broker.Publish("plant/a/dev/cmd/write/5/0/0", new string('y', 300 * 1024), id: 301);
        Assert.Equal(301, broker.ReadAcknowledgement());
        Assert.Equal(300 * 1024, Assert.Single(handler.Commands).Payload.Length);
        bench.WaitForLog("CommandTooLarge");
        Assert.Equal(1, bench.Service.Counters[CommandResult.TooLarge]);
    }

    [Fact]
    public async Task A_broker_that_does_not_allow_the_subscription_still_gets_the_values()
    {
        await using TelemetryBench bench = await StartAsync(new Handler());
        using FakeBrokerConnection broker = bench.Accept();
        broker.Welcome(granted: MqttSubAck.Failure);
        bench.WaitForLog("plant/a/+/cmd/#");
        Assert.True(bench.Publish("t", "x"));
        Assert.Equal("x", Text(broker.ReadPublish()));
    }

    [Fact]
    public async Task A_flood_of_commands_is_taken_one_after_the_other()
    {
        var handler = new Handler();
        await using TelemetryBench bench = await StartAsync(handler);
        using FakeBrokerConnection broker = bench.Welcome();
        var writing = new Thread(() =>
        {
            for (int i = 1; i <= 5000; i++)
                broker.Publish("plant/a/dev/cmd/read/1", $"{i}", i);
        });
        writing.Start();
        for (int i = 1; i <= 5000; i++)
            Assert.Equal(i, broker.ReadAcknowledgement());
        writing.Join();
        Assert.Equal(Enumerable.Range(1, 5000).Select(i => $"{i}"), handler.Commands.Select(c => c.Payload));
    }

    private static async Task<TelemetryBench> StartAsync(params Handler[] handlers)
    {
        var bench = new TelemetryBench();
        foreach (Handler handler in handlers)
            bench.Service.Register(handler);
        await bench.StartAsync();
        return bench;
    }

    // The acknowledgement of the command and the answer to it come in either order.
    private static MqttPublish ReadReply(FakeBrokerConnection broker)
    {
        while (true)
        {
            MqttPublish? publish = broker.ReadPublishOrOther();
            if (publish is not null)
                return publish;
        }
    }

    private static string Text(MqttPublish publish) => Encoding.UTF8.GetString(publish.Payload, publish.PayloadOffset, publish.PayloadCount);

    private sealed class Handler : ICommandHandler
    {
        internal string[]? Devices { get; init; }
        internal string? Answer { get; init; }
        internal bool Fails { get; init; }
        internal List<(string Device, string Command, string Payload)> Commands { get; } = [];
        internal List<Action<ReadOnlyMemory<byte>>> Replies { get; } = [];

        public bool TryHandle(string deviceId, string command, ReadOnlyMemory<byte> payload, Action<ReadOnlyMemory<byte>> reply)
        {
            if (Devices?.Contains(deviceId) == false)
                return false;
            if (Fails)
                throw new InvalidOperationException("as the test wants");
            Commands.Add((deviceId, command, Encoding.UTF8.GetString(payload.Span)));
            Replies.Add(reply);
            if (Answer is not null)
                reply(Encoding.UTF8.GetBytes(Answer));
            return true;
        }
    }
}
