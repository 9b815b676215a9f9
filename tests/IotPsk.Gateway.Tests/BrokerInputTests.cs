using FsCheck;
using FsCheck.Fluent;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Shared;

namespace IotPsk.Gateway.Tests;

/// <summary>The stream from the broker: the same packets however it is cut, messages that are too large passed over, and nothing worse than the end of the connection for what is no MQTT.</summary>
public sealed class BrokerInputTests
{
    [Fact]
    public void However_the_stream_is_cut_the_packets_are_the_same() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<PositiveInt[]>(), ArbMap.Default.ArbFor<PositiveInt>(),
            (sizes, seed) =>
            {
                var random = new Random(seed.Get);
                List<int> expected = [], actual = [];
                List<byte> stream = [];
                for (int i = 0; i < sizes.Length; i++)
                {
                    // Now and then one that is too large.
                    int size = sizes[i].Get % 7 == 0 ? BrokerInput.MaxPacket + sizes[i].Get : sizes[i].Get * 311 % 50_000;
                    byte[] packet = new byte[size + 100];
                    var publish = new MqttPublish { Topic = "iotpsk/dev/cmd/x", QualityOfService = 1, PacketId = i + 1, Payload = new byte[size], PayloadCount = size };
                    stream.AddRange(packet[..publish.Write(packet, 0)]);
                    expected.Add(size + 50 > BrokerInput.MaxPacket ? -(i + 1) : size);
                }
                var input = new BrokerInput();
                for (int at = 0; at < stream.Count;)
                {
                    Memory<byte> room = input.Room();
                    Assert.False(room.IsEmpty);
                    int count = Math.Min(Math.Min(room.Length, stream.Count - at), random.Next(1, 30_000));
                    stream.GetRange(at, count).ToArray().CopyTo(room);
                    input.Received(count);
                    at += count;
                    actual.AddRange(Drain(input));
                }
                Assert.Equal(expected, actual);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));

    [Fact]
    public void Whatever_comes_the_connection_ends_at_worst() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            var input = new BrokerInput();
            try
            {
                foreach (byte each in bytes)
                {
                    input.Room().Span[0] = each;
                    input.Received(1);
                    Drain(input);
                }
            }
            catch (BrokerException)
            {
                // That is how a connection ends.
            }
        }).QuickCheckThrowOnFailure();

    // The sizes of messages, and minus the identifiers of those passed over.
    private static List<int> Drain(BrokerInput input)
    {
        var taken = new List<int>();
        while (true)
        {
            if (input.TrySkipLarge(out _, out int id))
                taken.Add(-id);
            else if (!input.TryTake(out MqttFixedHeader header, out byte[] buffer, out int content))
                return taken;
            else if (header.Type == MqttPacketType.Publish)
                taken.Add(input.ReadPublish(header, buffer, content).PayloadCount);
        }
    }
}
