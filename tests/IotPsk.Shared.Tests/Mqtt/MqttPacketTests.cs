using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class MqttPacketTests
{
    [Fact]
    public void A_connect_is_laid_out_as_the_specification_says()
    {
        var connect = new MqttConnect
        {
            ClientId = "d",
            KeepAlive = 10,
            WillTopic = "w",
            WillMessage = [0xaa],
            WillQualityOfService = 1,
            UserName = "u",
            Password = [1, 2],
        };
        string expected = "101a" + "00044d515454" + "04" + "ce" + "000a" + "000164" + "000177" + "0001aa" + "000175" + "00020102";
        Assert.Equal(expected, Convert.ToHexString(MqttGen.Write(connect.Write)), ignoreCase: true);
    }

    [Fact]
    public void A_connect_survives_writing_and_reading() =>
        Prop.ForAll(Arb.From(MqttGen.Connects), connect =>
        {
            byte[] packet = MqttGen.Write(connect.Write);
            MqttFixedHeader header = MqttGen.Header(packet);
            var read = new MqttConnect { UserName = "old", Password = [1], WillTopic = "old" };
            return read.TryRead(header, packet, header.HeaderLength)
                && read.ClientId == connect.ClientId && read.CleanSession == connect.CleanSession && read.KeepAlive == connect.KeepAlive
                && read.UserName == connect.UserName && Same(read.Password, connect.Password)
                && read.WillTopic == connect.WillTopic && Same(read.WillMessage, connect.WillMessage)
                && read.WillQualityOfService == connect.WillQualityOfService && read.WillRetain == connect.WillRetain;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("MQIsdp", 4, 2)]
    [InlineData("MQTT", 3, 2)]
    [InlineData("MQTT", 5, 2)]
    [InlineData("MQTT", 4, 3)]
    [InlineData("MQTT", 4, 0x1a)]
    [InlineData("MQTT", 4, 0x1e)]
    [InlineData("MQTT", 4, 0x22)]
    [InlineData("MQTT", 4, 0x42)]
    public void A_connect_with_other_protocol_or_wrong_flags_is_refused(string protocol, int level, int flags)
    {
        byte[] body = [0, (byte)protocol.Length, .. protocol.Select(c => (byte)c), (byte)level, (byte)flags, 0, 0, 0, 1, (byte)'a',
            0, 1, (byte)'b', 0, 1, (byte)'c'];
        byte[] packet = [0x10, (byte)body.Length, .. body];
        Assert.False(new MqttConnect().TryRead(MqttGen.Header(packet), packet, 2));
    }

    [Fact]
    public void A_connect_that_is_not_allowed_is_not_written()
    {
        Refused(new MqttConnect { ClientId = "a", KeepAlive = 65536 });
        Refused(new MqttConnect { ClientId = "a", KeepAlive = -1 });
        Refused(new MqttConnect { ClientId = "", CleanSession = false });
        Refused(new MqttConnect { ClientId = "a\0" });
        Refused(new MqttConnect { ClientId = "\ud800" });
        Refused(new MqttConnect { ClientId = "\udc00a" });
        Refused(new MqttConnect { ClientId = new string('a', 65536) });
        Refused(new MqttConnect { ClientId = "a", Password = [1] });
        Refused(new MqttConnect { ClientId = "a", UserName = "u", Password = new byte[65536] });
        Refused(new MqttConnect { ClientId = "a", WillTopic = "a/+" });
        Refused(new MqttConnect { ClientId = "a", WillTopic = "a", WillQualityOfService = 3 });

        static void Refused(MqttConnect connect) => Assert.Throws<ArgumentException>(() => connect.Write(new byte[200000], 0));
    }

    [Fact]
    public void A_connack_survives_and_a_wrong_one_is_refused()
    {
        for (int first = 0; first < 256; first++)
        {
            for (int code = 0; code < 256; code++)
            {
                byte[] packet = [0x20, 2, (byte)first, (byte)code];
                var read = new MqttConnAck();
                bool right = first == 0 || (first == 1 && code == 0);
                Assert.Equal(right, read.TryRead(MqttGen.Header(packet), packet, 2));
                if (right)
                {
                    Assert.Equal((first == 1, code), (read.SessionPresent, read.ReturnCode));
                    Assert.Equal(packet, MqttGen.Write(read.Write));
                }
            }
        }
    }

    [Fact]
    public void A_publish_survives_writing_and_reading() =>
        Prop.ForAll(Arb.From(MqttGen.Publishes), publish =>
        {
            byte[] packet = MqttGen.Write(publish.Write);
            MqttFixedHeader header = MqttGen.Header(packet);
            var read = new MqttPublish();
            return read.TryRead(header, packet, header.HeaderLength)
                && read.Topic == publish.Topic && read.QualityOfService == publish.QualityOfService && read.Retain == publish.Retain
                && read.IsDuplicate == publish.IsDuplicate && read.PacketId == publish.PacketId
                && read.Payload.AsSpan(read.PayloadOffset, read.PayloadCount)
                    .SequenceEqual(publish.Payload.AsSpan(publish.PayloadOffset, publish.PayloadCount));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_header_of_a_publish_is_the_packet_without_the_message() =>
        Prop.ForAll(Arb.From(MqttGen.Publishes), publish =>
        {
            byte[] packet = MqttGen.Write(publish.Write);
            byte[] header = MqttGen.Write(publish.WriteHeader);
            return packet.AsSpan().StartsWith(header) && packet.Length - header.Length == publish.PayloadCount;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_publish_that_is_not_allowed_is_not_written()
    {
        Refused(new MqttPublish { Topic = null! });
        Refused(new MqttPublish { Topic = "" });
        Refused(new MqttPublish { Topic = "a/#" });
        Refused(new MqttPublish { Topic = "a\0" });
        Refused(new MqttPublish { Topic = "a", QualityOfService = 3, PacketId = 1 });
        Refused(new MqttPublish { Topic = "a", QualityOfService = 1 });
        Refused(new MqttPublish { Topic = "a", QualityOfService = 1, PacketId = 65536 });
        Refused(new MqttPublish { Topic = "a", IsDuplicate = true });
        Refused(new MqttPublish { Topic = "a", Payload = new byte[2], PayloadOffset = 1, PayloadCount = 2 });

        static void Refused(MqttPublish publish) => Assert.Throws<ArgumentException>(() => publish.Write(new byte[100], 0));
    }

    [Fact]
    public void A_puback_survives_and_identifier_zero_is_refused()
    {
        for (int id = 0; id < 65536; id += 257)
        {
            byte[] packet = MqttGen.Write((b, at) => MqttPubAck.Write(id, b, at));
            Assert.Equal(id != 0, MqttPubAck.TryRead(MqttGen.Header(packet), packet, 2, out int read));
            Assert.Equal(id, read);
        }
    }

    [Fact]
    public void A_subscribe_survives_writing_and_reading() =>
        Prop.ForAll(Arb.From(MqttGen.Filters), Arb.From(Gen.Choose(1, 65535)), Arb.From(Gen.Choose(0, 2)), (filter, id, qos) =>
        {
            byte[] packet = MqttGen.Write(new MqttSubscribe { Filter = filter, PacketId = id, QualityOfService = qos }.Write);
            var read = new MqttSubscribe();
            MqttFixedHeader header = MqttGen.Header(packet);
            return read.TryRead(header, packet, header.HeaderLength) && read.Filter == filter && read.PacketId == id
                && read.QualityOfService == qos && read.TryReadNext(out bool more) && !more;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_subscribe_with_several_filters_is_read_one_by_one()
    {
        byte[] packet = [0x82, 10, 0, 7, 0, 1, (byte)'a', 1, 0, 1, (byte)'#', 2];
        var read = new MqttSubscribe();
        Assert.True(read.TryRead(MqttGen.Header(packet), packet, 2));
        Assert.Equal(("a", 1), (read.Filter, read.QualityOfService));
        Assert.True(read.TryReadNext(out bool more) && more);
        Assert.Equal(("#", 2), (read.Filter, read.QualityOfService));
        Assert.True(read.TryReadNext(out more));
        Assert.False(more);
        packet[^1] = 3;
        Assert.True(read.TryRead(MqttGen.Header(packet), packet, 2));
        Assert.False(read.TryReadNext(out _));
        byte[] none = [0x82, 2, 0, 7];
        Assert.False(read.TryRead(MqttGen.Header(none), none, 2));
        Assert.Throws<ArgumentException>(() => new MqttSubscribe { Filter = "a+", PacketId = 1 }.Write(new byte[99], 0));
        Assert.Throws<ArgumentException>(() => new MqttSubscribe { Filter = "a", PacketId = 0 }.Write(new byte[99], 0));
    }

    [Fact]
    public void A_suback_survives_and_a_wrong_one_is_refused()
    {
        byte[] packet = MqttGen.Write(new MqttSubAck { PacketId = 9, ReturnCodes = [0, 1, 2, 0x80] }.Write);
        Assert.Equal([0x90, 6, 0, 9, 0, 1, 2, 0x80], packet);
        var read = new MqttSubAck();
        Assert.True(read.TryRead(MqttGen.Header(packet), packet, 2));
        Assert.Equal(9, read.PacketId);
        Assert.Equal([0, 1, 2, 0x80], read.ReturnCodes);
        packet[^1] = 3;
        Assert.False(read.TryRead(MqttGen.Header(packet), packet, 2));
        byte[] none = [0x90, 2, 0, 9];
        Assert.False(read.TryRead(MqttGen.Header(none), none, 2));
        Assert.Throws<ArgumentException>(() => new MqttSubAck { PacketId = 1, ReturnCodes = [] }.Write(new byte[9], 0));
    }

    [Fact]
    public void Whatever_bytes_come_reading_refuses_or_gives_what_would_be_written_again() =>
        Prop.ForAll(Arb.From(
                from first in Gen.Elements(0x10, 0x20, 0x30, 0x32, 0x3b, 0x40, 0x82, 0x90)
                from start in Gen.Elements<byte[]>([], [0, 4, 77, 81, 84, 84, 4], [0, 1, 97], [0, 7])
                from body in Gen.OneOf(Samples.Bytes(0, 60), Gen.Choose(0, 3).ListOf(30).Select(l => l.Select(b => (byte)b).ToArray()))
                select (byte[])[(byte)first, (byte)(start.Length + body.Length), .. start, .. body]),
            packet =>
            {
                MqttFixedHeader header = MqttGen.Header(packet);
                byte[] again = new byte[packet.Length + 10];
                var connect = new MqttConnect();
                var connAck = new MqttConnAck();
                var publish = new MqttPublish();
                var subAck = new MqttSubAck();
                int written = connect.TryRead(header, packet, 2) ? connect.Write(again, 0)
                    : connAck.TryRead(header, packet, 2) ? connAck.Write(again, 0)
                    : publish.TryRead(header, packet, 2) ? publish.Write(again, 0)
                    : MqttPubAck.TryRead(header, packet, 2, out int id) ? MqttPubAck.Write(id, again, 0)
                    : subAck.TryRead(header, packet, 2) ? subAck.Write(again, 0) : -1;
                new MqttSubscribe().TryRead(header, packet, 2);
                return written < 0 || again.AsSpan(0, written).SequenceEqual(packet);
            }).QuickCheckThrowOnFailure();

    private static bool Same(byte[]? a, byte[]? b) => a == null ? b == null : b != null && a.SequenceEqual(b);
}
