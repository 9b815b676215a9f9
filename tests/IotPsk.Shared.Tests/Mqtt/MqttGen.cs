using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

internal static class MqttGen
{
    public static Gen<string> Texts { get; } =
        from length in Gen.Choose(0, 40)
        from runes in Gen.OneOf(Gen.Choose(1, 0x7f), Gen.Choose(0x80, 0x7ff), Gen.Choose(0xe000, 0xffff), Gen.Choose(0x10000, 0x10ffff)).ListOf(length)
        select string.Concat(runes.Select(r => new Rune(r).ToString()));

    public static Gen<string> Topics { get; } =
        from text in Texts
        select "t" + text.Replace('+', '/').Replace('#', '/');

    public static Gen<string> Filters { get; } =
        from levels in Gen.Elements("a", "b", "", "+", "$s").NonEmptyListOf()
        from tail in Gen.Elements("", "/#")
        let filter = string.Join('/', levels) + tail
        select filter.Length == 0 ? "#" : filter;

    public static Gen<MqttConnect> Connects { get; } =
        from id in Texts
        from clean in Gen.Elements(true, false)
        from keepAlive in Gen.Choose(0, 65535)
        from user in Gen.OneOf(Gen.Constant<string?>(null), Texts.Select(t => (string?)t))
        from password in Samples.Bytes(0, 300)
        from will in Gen.OneOf(Gen.Constant<string?>(null), Topics.Select(t => (string?)t))
        from message in Samples.Bytes(0, 300)
        from bits in Gen.Choose(0, 7)
        select new MqttConnect
        {
            ClientId = id,
            CleanSession = clean || id.Length == 0,
            KeepAlive = keepAlive,
            UserName = user!,
            Password = user == null || (bits & 1) == 0 ? null! : password,
            WillTopic = will!,
            WillMessage = will == null ? null! : message,
            WillQualityOfService = will == null ? 0 : bits % 3,
            WillRetain = will != null && (bits & 4) != 0,
        };

    public static Gen<MqttPublish> Publishes { get; } =
        from topic in Topics
        from qos in Gen.Choose(0, 2)
        from duplicate in Gen.Elements(true, false)
        from retain in Gen.Elements(true, false)
        from id in Gen.Choose(1, 65535)
        from payload in Gen.OneOf(Samples.Bytes(0, 200), Samples.Bytes(16200, 16500))
        from skip in Gen.Choose(0, 5)
        select new MqttPublish
        {
            Topic = topic,
            QualityOfService = qos,
            IsDuplicate = duplicate && qos > 0,
            Retain = retain,
            PacketId = qos == 0 ? 0 : id,
            Payload = payload,
            PayloadOffset = Math.Min(skip, payload.Length),
            PayloadCount = payload.Length - Math.Min(skip, payload.Length),
        };

    public static byte[] Write(Func<byte[], int, int> write)
    {
        byte[] buffer = new byte[20000];
        int written = write(buffer, 3);
        Assert.All(buffer[..3], b => Assert.Equal(0, b));
        Assert.All(buffer[(3 + written)..], b => Assert.Equal(0, b));
        byte[] packet = buffer[3..(3 + written)];

        // One byte too few: an error that says so, and nothing else.
        Assert.Throws<ArgumentException>(() => write(new byte[written - 1], 0));
        return packet;
    }

    public static MqttFixedHeader Header(byte[] packet)
    {
        Assert.Equal(MqttReadStatus.Complete, MqttFixedHeader.TryRead(packet, 0, packet.Length, out MqttFixedHeader header));
        Assert.Equal(packet.Length, header.HeaderLength + header.RemainingLength);
        return header;
    }
}
