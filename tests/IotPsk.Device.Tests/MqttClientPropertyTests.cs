using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

/// <summary>The MQTT client against any server.</summary>
public sealed class MqttClientPropertyTests
{
    private static readonly byte[] Accepted = [0x20, 2, 0, 0];

    // First bytes and lengths that make sense now and then; the rest is anything.
    private static Arbitrary<byte[]> Noise() => Gen.OneOf(
        Gen.Elements<byte>(0x20, 0x30, 0x32, 0x3a, 0x40, 0x90, 0xd0),
        Gen.Choose(0, 9).Select(n => (byte)n),
        Gen.Choose(0, 255).Select(n => (byte)n)).ArrayOf().Resize(400).ToArbitrary();

    private static Gen<byte[]> Publish() =>
        from name in Gen.Elements("a", "iotpsk/sensor-1/cmd/led", "ü")
        from size in Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(2000, 2100))
        from qualityOfService in Gen.Choose(0, 1)
        from packetId in Gen.Choose(1, 0xffff)
        select Write(name, size, qualityOfService, packetId);

    private static byte[] Write(string topic, int size, int qualityOfService, int packetId)
    {
        byte[] payload = Encoding.ASCII.GetBytes(new string('p', size)), buffer = new byte[size + 100];
        var publish = new MqttPublish { Topic = topic, QualityOfService = qualityOfService, PacketId = qualityOfService == 0 ? 0 : packetId, Payload = payload, PayloadCount = size };
        return buffer[..publish.Write(buffer, 0)];
    }

    private static (MqttClient Client, ScriptedChannel Channel, RecordingListener Listener) Connect(int pieces)
    {
        var clock = new FakeClock();
        var channel = new ScriptedChannel(clock, pieces);
        var listener = new RecordingListener();
        var client = new MqttClient(channel, new MessageWindow(4), clock, listener);
        channel.Deliver(Accepted);
        client.Connect("sensor-1", 0, false);
        channel.TakeSent();
        return (client, channel, listener);
    }

    // Everything that comes, until it is all read or the client has enough of it.
    private static bool Drain(MqttClient client, ScriptedChannel channel)
    {
        try
        {
            while (channel.Unread > 0)
                client.Process(0);
            return true;
        }
        catch (PskException problem)
        {
            Assert.Equal(PskError.MqttProtocol, problem.Code);
            return false;
        }
    }

    [Fact]
    public void Whatever_a_server_sends_is_taken_or_called_a_breach_of_the_protocol() =>
        Prop.ForAll(Noise(), Gen.Choose(1, 50).ToArbitrary(), (noise, pieces) =>
        {
            (MqttClient client, ScriptedChannel channel, _) = Connect(pieces);
            channel.Deliver(noise);
            Drain(client, channel);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void How_the_bytes_are_cut_makes_no_difference() =>
        Prop.ForAll(Publish().ListOf(6).Select(packets => packets.SelectMany(packet => packet).ToArray()).ToArbitrary(), Gen.Choose(1, 3000).ToArbitrary(), (stream, pieces) =>
        {
            (MqttClient whole, ScriptedChannel wholeChannel, RecordingListener expected) = Connect(int.MaxValue);
            (MqttClient cut, ScriptedChannel cutChannel, RecordingListener found) = Connect(pieces);
            wholeChannel.Deliver(stream);
            cutChannel.Deliver(stream);
            Assert.True(Drain(whole, wholeChannel));
            Assert.True(Drain(cut, cutChannel));
            Assert.Equal(expected.Messages, found.Messages);
            Assert.Equal(wholeChannel.TakeSent(), cutChannel.TakeSent());
        }).QuickCheckThrowOnFailure();
}
