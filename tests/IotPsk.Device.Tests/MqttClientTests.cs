using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

public sealed class MqttClientTests
{
    private static readonly byte[] Accepted = [0x20, 2, 0, 0];
    private readonly FakeClock _clock = new();
    private readonly RecordingListener _listener = new();
    private readonly MessageWindow _window = new(4);
    private ScriptedChannel _channel;

    public MqttClientTests() => _channel = new ScriptedChannel(_clock);

    private MqttClient Connected(int keepAlive = 0)
    {
        var client = new MqttClient(_channel, _window, _clock, _listener);
        _channel.Deliver(Accepted);
        client.Connect("sensor-1", keepAlive, false);
        _channel.TakeSent();
        return client;
    }

    private static OutgoingMessage Message(int sequence, string payload = "x", int qualityOfService = 1) => new(sequence, "t", System.Text.Encoding.UTF8.GetBytes(payload), qualityOfService);

    private static PskError Code(Action action) => Assert.Throws<PskException>(action).Code;

    [Fact]
    public void A_connection_begins_with_CONNECT_and_tells_whether_the_server_kept_the_session()
    {
        var client = new MqttClient(_channel, _window, _clock, _listener);
        _channel.Deliver(0x20, 2, 1, 0);
        Assert.True(client.Connect("ab", 60, false));
        Assert.Equal([0x10, 14, 0, 4, .. "MQTT"u8, 4, 0, 0, 60, 0, 2, .. "ab"u8], _channel.TakeSent());
    }

    [Theory]
    [InlineData(1, PskError.MqttRefused)]
    [InlineData(2, PskError.MqttRefused)]
    [InlineData(3, PskError.MqttUnavailable)]
    [InlineData(4, PskError.MqttRefused)]
    [InlineData(5, PskError.MqttRefused)]
    public void A_refusal_is_told_with_its_return_code(byte code, PskError expected)
    {
        var client = new MqttClient(_channel, _window, _clock, _listener);
        _channel.Deliver(0x20, 2, 0, code);
        PskException refused = Assert.Throws<PskException>(() => client.Connect("ab", 0, true));
        Assert.Equal(expected, refused.Code);
        Assert.Contains($"CONNACK {code}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_on_its_way_out_is_not_taken_for_one_unanswered_since_the_clock_began()
    {
        _clock.Advance(3_600_000);
        MqttClient client = Connected();
        _clock.Meanwhile = () => client.Process(1);
        client.Publish(new OutgoingMessage(1, "t", [1], 1));
        _clock.Meanwhile = null;
        Assert.Equal(1, _window.Count);
    }

    [Fact]
    public void A_server_that_does_not_answer_CONNECT_is_given_up()
    {
        long start = _clock.Now;
        Assert.Equal(PskError.MqttSilent, Code(() => new MqttClient(_channel, _window, _clock, _listener).Connect("ab", 0, true)));
        Assert.Equal(MqttClient.AnswerTimeout, _clock.Now - start);
    }

    [Fact]
    public void A_message_is_kept_until_its_acknowledgement_comes()
    {
        MqttClient client = Connected();
        client.Publish(Message(7));
        Assert.Equal([0x32, 6, 0, 1, (byte)'t', 0, 1, (byte)'x'], _channel.TakeSent());
        _channel.Deliver(0x40, 2, 0, 9);        // of nobody: ignored
        client.Process(0);
        Assert.Equal(1, _window.Count);
        _channel.Deliver(0x40, 2, 0, 1);
        client.Process(0);
        Assert.Equal([7], _listener.Acknowledged);
        Assert.Equal(0, _window.Count);
    }

    [Fact]
    public void Unacknowledged_messages_go_out_again_in_order_as_duplicates_over_the_next_connection()
    {
        MqttClient first = Connected();
        first.Publish(Message(1, "a"));
        first.Publish(Message(2, "b"));
        byte[] sent = _channel.TakeSent();
        _window.Add(Message(3, "c"));           // came while there was no connection

        _channel = new ScriptedChannel(_clock);
        MqttClient second = Connected();
        second.SendWindow();
        byte[] again = _channel.TakeSent();
        sent[0] |= 8;
        sent[8] |= 8;
        Assert.Equal([.. sent, 0x32, 6, 0, 1, (byte)'t', 0, 3, (byte)'c'], again);
    }

    [Fact]
    public void A_message_without_acknowledgement_ends_the_connection()
    {
        MqttClient client = Connected();
        client.Publish(Message(1));
        client.Process(60000);
        Assert.Equal(PskError.MqttSilent, Code(() => client.Process(60000)));
    }

    [Fact]
    public void A_message_of_QoS_0_is_sent_and_forgotten()
    {
        MqttClient client = Connected();
        client.Publish(Message(1, qualityOfService: 0));
        Assert.Equal([0x30, 4, 0, 1, (byte)'t', (byte)'x'], _channel.TakeSent());
        Assert.Equal(0, _window.Count);
    }

    [Fact]
    public void A_window_that_is_full_takes_no_more()
    {
        MqttClient client = Connected();
        for (int i = 1; i <= 4; i++)
            client.Publish(Message(i));
        Assert.Equal(PskError.WindowFull, Code(() => client.Publish(Message(5))));
    }

    [Fact]
    public void Packet_identifiers_skip_those_in_use_and_never_are_0()
    {
        var window = new MessageWindow(2);
        var held = new OutgoingMessage(1, "t", [], 1);
        window.Add(held);
        for (int i = 2; i <= 0xffff; i++)
            Assert.Equal(i, window.NextPacketId());
        Assert.Equal(2, window.NextPacketId());
    }

    [Fact]
    public void Silence_is_broken_by_a_ping_before_the_server_loses_patience()
    {
        MqttClient client = Connected(keepAlive: 40);
        long start = _clock.Now;
        client.Process(60000);
        client.Process(0);
        Assert.Equal([0xc0, 0], _channel.TakeSent());
        Assert.Equal(30000, _clock.Now - start);
        _channel.Deliver(0xd0, 0);
        client.Process(0);
        client.Process(60000);
        client.Process(0);
        Assert.Equal([0xc0, 0], _channel.TakeSent());
        Assert.Equal(60000, _clock.Now - start);
    }

    [Fact]
    public void An_unanswered_ping_ends_the_connection()
    {
        MqttClient client = Connected(keepAlive: 40);
        client.Process(60000);
        client.Process(60000);
        Assert.Equal(PskError.MqttSilent, Code(() => client.Process(60000)));
    }

    [Fact]
    public void Messages_are_delivered_and_those_of_QoS_1_acknowledged_however_the_bytes_come()
    {
        foreach (int pieces in (int[])[1, 2, 3, 1000])
        {
            _listener.Messages.Clear();
            _channel = new ScriptedChannel(_clock, pieces);
            MqttClient client = Connected();
            _channel.Deliver(0x30, 4, 0, 1, (byte)'a', (byte)'1', 0x32, 6, 0, 1, (byte)'b', 0x12, 0x34, (byte)'2');
            for (int i = 0; i < 20; i++)
                client.Process(0);
            Assert.Equal(["a 1", "b 2"], _listener.Messages);
            Assert.Equal([0x40, 2, 0x12, 0x34], _channel.TakeSent());
        }
    }

    [Fact]
    public void A_message_too_large_to_keep_is_acknowledged_and_dropped_and_the_next_one_comes_through()
    {
        MqttClient client = Connected();
        byte[] large = new byte[5000];
        var publish = new MqttPublish { Topic = "big", QualityOfService = 1, PacketId = 5, Payload = new byte[4900], PayloadCount = 4900 };
        _channel.Deliver(large[..publish.Write(large, 0)]);
        _channel.Deliver(0x30, 4, 0, 1, (byte)'a', (byte)'1');
        for (int i = 0; i < 10; i++)
            client.Process(0);
        Assert.Equal(["a 1"], _listener.Messages);
        Assert.Equal([0x40, 2, 0, 5], _channel.TakeSent());
    }

    [Theory]
    [InlineData(new byte[] { 0x20, 2, 0, 0 })]                                  // a second CONNACK
    [InlineData(new byte[] { 0x34, 6, 0, 1, 0x61, 0, 1, 0x62 })]                // QoS 2
    [InlineData(new byte[] { 0x36, 6, 0, 1, 0x61, 0, 1, 0x62 })]                // QoS 3
    [InlineData(new byte[] { 0x40, 3, 0, 1, 1 })]                               // a long PUBACK
    [InlineData(new byte[] { 0x50, 2, 0, 1 })]                                  // PUBREC
    [InlineData(new byte[] { 0x10, 2, 0, 0 })]                                  // CONNECT
    [InlineData(new byte[] { 0xd0, 0x80, 0x80, 0x80, 0x80 })]                   // a length of five bytes
    [InlineData(new byte[] { 0x30, 3, 0, 9, 0x61 })]                            // a topic beyond the packet
    [InlineData(new byte[] { 0x90, 3, 0, 1, 1 })]                               // SUBACK that nobody asked for
    [InlineData(new byte[] { 0x00, 0 })]                                        // a reserved type
    public void What_MQTT_does_not_allow_ends_the_connection(byte[] packet)
    {
        MqttClient client = Connected();
        _channel.Deliver(packet);
        Assert.Equal(PskError.MqttProtocol, Code(() => client.Process(0)));
    }

    [Fact]
    public void A_packet_before_CONNACK_ends_the_connection()
    {
        _channel.Deliver(0xd0, 0);
        Assert.Equal(PskError.MqttProtocol, Code(() => new MqttClient(_channel, _window, _clock, _listener).Connect("a", 0, true)));
    }

    [Fact]
    public void A_message_before_CONNACK_ends_the_connection_however_large_it_is()
    {
        byte[] large = new byte[5000];
        var publish = new MqttPublish { Topic = "big", QualityOfService = 1, PacketId = 5, Payload = new byte[4900], PayloadCount = 4900 };
        _channel.Deliver(large[..publish.Write(large, 0)]);
        Assert.Equal(PskError.MqttProtocol, Code(() => new MqttClient(_channel, _window, _clock, _listener).Connect("a", 0, true)));
        Assert.Equal(0x10, _channel.TakeSent()[0]);
        Assert.Empty(_channel.TakeSent());
    }

    [Fact]
    public void A_refused_subscription_is_told()
    {
        MqttClient client = Connected();
        _channel.Deliver(0x90, 3, 0, 1, 1);
        client.Subscribe("a/#", 1);
        Assert.Equal([0x82, 8, 0, 1, 0, 3, .. "a/#"u8, 1], _channel.TakeSent());
        _channel.Deliver(0x90, 3, 0, 2, 0x80);
        PskException refused = Assert.Throws<PskException>(() => client.Subscribe("b/#", 1));
        Assert.Equal(PskError.SubscriptionRefused, refused.Code);
        Assert.Contains("b/#", refused.Message, StringComparison.Ordinal);
    }
}
