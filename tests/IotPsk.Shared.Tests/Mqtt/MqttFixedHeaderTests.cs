using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class MqttFixedHeaderTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7f")]
    [InlineData(128, "8001")]
    [InlineData(16383, "ff7f")]
    [InlineData(16384, "808001")]
    [InlineData(2097151, "ffff7f")]
    [InlineData(2097152, "80808001")]
    [InlineData(268435455, "ffffff7f")]
    public void Remaining_length_is_written_as_the_specification_shows(int length, string hex)
    {
        byte[] buffer = new byte[5];
        int written = MqttFixedHeader.Write(MqttPacketType.Publish, 0, length, buffer, 0);
        Assert.Equal("30" + hex, Convert.ToHexString(buffer, 0, written), ignoreCase: true);
        Assert.Equal(written, MqttFixedHeader.GetLength(length));
    }

    [Fact]
    public void A_header_survives_and_needs_all_its_bytes() =>
        Prop.ForAll(Arb.From(Gen.OneOf(Gen.Choose(0, 300), Gen.Choose(0, 3000000), Gen.Choose(0, MqttFixedHeader.MaxRemainingLength))),
            length =>
            {
                byte[] buffer = new byte[8];
                int written = MqttFixedHeader.Write(MqttPacketType.Subscribe, 2, length, buffer, 1);
                bool whole = MqttFixedHeader.TryRead(buffer, 1, written, out MqttFixedHeader header) == MqttReadStatus.Complete
                    && header.Type == MqttPacketType.Subscribe && header.Flags == 2
                    && header.RemainingLength == length && header.HeaderLength == written;
                return whole && Enumerable.Range(0, written).All(n =>
                    MqttFixedHeader.TryRead(buffer, 1, n, out _) == MqttReadStatus.NeedMoreData);
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_length_of_five_bytes_is_malformed() =>
        Assert.Equal(MqttReadStatus.Malformed, MqttFixedHeader.TryRead([0x30, 0xff, 0xff, 0xff, 0xff], 0, 5, out _));

    [Fact]
    public void A_length_beyond_the_largest_is_not_written()
    {
        Assert.Throws<ArgumentException>(() => MqttFixedHeader.Write(MqttPacketType.Publish, 0, 268435456, new byte[9], 0));
        Assert.Throws<ArgumentException>(() => MqttFixedHeader.Write(MqttPacketType.Publish, 0, -1, new byte[9], 0));
    }

    [Fact]
    public void Exactly_the_types_and_flags_of_the_specification_are_taken()
    {
        for (int first = 0; first < 256; first++)
        {
            int type = first >> 4, flags = first & 15;
            bool right = type switch
            {
                0 or 15 => false,
                3 => (flags & 6) != 6 && (flags & 14) != 8,
                6 or 8 or 10 => flags == 2,
                _ => flags == 0,
            };
            var expected = right ? MqttReadStatus.Complete : MqttReadStatus.Malformed;
            Assert.Equal(expected, MqttFixedHeader.TryRead([(byte)first, 0], 0, 2, out _));
        }
    }

    [Fact]
    public void Packets_of_fixed_size_have_that_size()
    {
        foreach (MqttPacketType type in Enum.GetValues<MqttPacketType>())
        {
            int? size = type switch
            {
                MqttPacketType.PingReq or MqttPacketType.PingResp or MqttPacketType.Disconnect => 0,
                MqttPacketType.ConnAck or MqttPacketType.PubAck or MqttPacketType.PubRec or MqttPacketType.PubRel
                    or MqttPacketType.PubComp or MqttPacketType.UnsubAck => 2,
                _ => null,
            };
            for (int length = 0; type != MqttPacketType.None && length < 4; length++)
            {
                int flags = type is MqttPacketType.PubRel or MqttPacketType.Subscribe or MqttPacketType.Unsubscribe ? 2 : 0;
                MqttFixedHeader.TryRead([(byte)(((int)type << 4) | flags), (byte)length], 0, 2, out MqttFixedHeader header);
                Assert.Equal(size == null ? length > 0 : length == size, MqttPacket.IsLengthRight(header));
            }
        }
    }

    [Fact]
    public void Empty_packets_are_two_bytes()
    {
        Assert.Equal([0xc0, 0], MqttGen.Write((b, at) => MqttPacket.WriteEmpty(MqttPacketType.PingReq, b, at)));
        Assert.Equal([0xd0, 0], MqttGen.Write((b, at) => MqttPacket.WriteEmpty(MqttPacketType.PingResp, b, at)));
        Assert.Equal([0xe0, 0], MqttGen.Write((b, at) => MqttPacket.WriteEmpty(MqttPacketType.Disconnect, b, at)));
        Assert.Throws<ArgumentException>(() => MqttPacket.WriteEmpty(MqttPacketType.Connect, new byte[9], 0));
    }
}
