using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class MqttTextTests
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    [Fact]
    public void Text_is_written_as_utf8_of_the_platform() =>
        Prop.ForAll(Arb.From(MqttGen.Topics), topic =>
        {
            byte[] packet = MqttGen.Write(new MqttPublish { Topic = topic }.Write);
            byte[] utf8 = Strict.GetBytes(topic);
            return packet.AsSpan(packet.Length - utf8.Length).SequenceEqual(utf8)
                && packet[^(utf8.Length + 2)] << 8 == (utf8.Length & 0xff00) && packet[^(utf8.Length + 1)] == (utf8.Length & 0xff);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Exactly_well_formed_utf8_without_u0000_is_read()
    {
        var bytes = Gen.OneOf(
            Samples.Bytes(1, 6),
            Gen.Elements<byte>(0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x9f, 0xa0, 0x90, 0x8f, 0)
                .ListOf().Select(l => l.Take(8).ToArray()),
            MqttGen.Topics.Select(t => Strict.GetBytes(t)));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(Arb.From(bytes), text =>
        {
            byte[] packet = [0x30, (byte)(text.Length + 2), 0, (byte)text.Length, .. text];
            bool right;
            try
            {
                right = MqttTopic.IsName(Strict.GetString(text));
            }
            catch (DecoderFallbackException)
            {
                right = false;
            }

            return text.Length > 100 || new MqttPublish().TryRead(MqttGen.Header(packet), packet, 2) == right;
        }));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("/", true)]
    [InlineData("+", true)]
    [InlineData("#", true)]
    [InlineData("a/+/b", true)]
    [InlineData("+/+", true)]
    [InlineData("a/#", true)]
    [InlineData("/+/#", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("a+", false)]
    [InlineData("+a", false)]
    [InlineData("a/+b/c", false)]
    [InlineData("a#", false)]
    [InlineData("#/a", false)]
    [InlineData("a/#/b", false)]
    [InlineData("a\0b", false)]
    public void Filters_are_those_of_section_4_7(string? filter, bool expected) => Assert.Equal(expected, MqttTopic.IsFilter(filter));

    [Theory]
    [InlineData("sport/tennis/player1/#", "sport/tennis/player1", true)]
    [InlineData("sport/tennis/player1/#", "sport/tennis/player1/ranking", true)]
    [InlineData("sport/tennis/player1/#", "sport/tennis/player12", false)]
    [InlineData("sport/#", "sport", true)]
    [InlineData("#", "a/b", true)]
    [InlineData("#", "$SYS/a", false)]
    [InlineData("+/a", "$SYS/a", false)]
    [InlineData("$SYS/#", "$SYS/a", true)]
    [InlineData("sport/+", "sport/", true)]
    [InlineData("sport/+", "sport", false)]
    [InlineData("+", "finance", true)]
    [InlineData("+", "/finance", false)]
    [InlineData("/+", "/finance", true)]
    [InlineData("+/+", "/finance", true)]
    [InlineData("a/+/c", "a/b/c", true)]
    [InlineData("a/+/c", "a/b/d", false)]
    [InlineData("a", "A", false)]
    [InlineData("a/b", "a", false)]
    [InlineData("a", "a/b", false)]
    public void Filters_cover_what_the_specification_says(string filter, string name, bool expected) =>
        Assert.Equal(expected, MqttTopic.Matches(filter, name));

    [Fact]
    public void Covering_agrees_with_a_comparison_level_by_level() =>
        Prop.ForAll(Arb.From(MqttGen.Filters),
            Arb.From(Gen.Elements("a", "b", "", "$s").NonEmptyListOf().Select(l => string.Join('/', l)).Where(n => n.Length > 0)),
            (filter, name) => MqttTopic.Matches(filter, name) == ByLevels(filter.Split('/'), name.Split('/')))
        .QuickCheckThrowOnFailure();

    private static bool ByLevels(string[] filter, string[] name)
    {
        if (name[0].StartsWith('$') && (filter[0] is "+" or "#"))
        {
            return false;
        }

        for (int i = 0; i < filter.Length; i++)
        {
            if (filter[i] == "#")
            {
                return true;
            }

            if (i >= name.Length || (filter[i] != "+" && filter[i] != name[i]))
            {
                return false;
            }
        }

        return filter.Length == name.Length;
    }
}
