using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class LinkFormatTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("</sensors>;ct=40", "/sensors ct=40")]
    [InlineData("</sensors/temp>;if=\"sensor\",</sensors/light>;if=\"sensor\"", "/sensors/temp if=sensor | /sensors/light if=sensor")]
    [InlineData("</sensors>;ct=40;title=\"Sensor Index\",<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\",</t>;anchor=\"/sensors/temp\";rel=\"alternate\"",
        "/sensors ct=40 title=Sensor Index | http://www.example.com/sensors/t123 anchor=/sensors/temp rel=describedby | /t anchor=/sensors/temp rel=alternate")]
    [InlineData("</>;rt=\"oma.lwm2m\";ct=\"60 110 112 11542\",</1/0>,</3>;ver=1.1,</3/0>,</5/0>", "/ rt=oma.lwm2m ct=60 110 112 11542 | /1/0 | /3 ver=1.1 | /3/0 | /5/0")]
    [InlineData("</a>;obs", "/a obs")]
    [InlineData("</a>;obs;sz=10,</b>", "/a obs sz=10 | /b")]
    [InlineData("</a>;title=\"a\\\"b\\\\c, d; <e>\"", "/a title=a\"b\\c, d; <e>")]
    [InlineData("</a>;title*=UTF-8'en'x%20y", "/a title*=UTF-8'en'x%20y")]
    [InlineData("</a> ; ct=0 , </b>", "/a ct=0 | /b")]
    [InlineData("</a>;title=\"\"", "/a title=")]
    [InlineData("<>", "")]
    public void Links_and_attributes_are_read(string text, string expected) => Assert.Equal(expected, Read(text));

    [Theory]
    [InlineData("a")]
    [InlineData("</a")]
    [InlineData("</a>,")]
    [InlineData("</a>;")]
    [InlineData("</a>;=1")]
    [InlineData("</a>;x=")]
    [InlineData("</a>;x=\"")]
    [InlineData("</a>;x=\"\\")]
    [InlineData("</a>x")]
    [InlineData("</a></b>")]
    [InlineData(",</a>")]
    [InlineData("</a>;x=a\"b\"")]
    [InlineData("</a>\0")]
    public void What_is_no_link_format_is_malformed(string text) => Assert.Null(Read(text));

    [Fact]
    public void Text_that_is_no_UTF8_is_malformed() => Assert.Null(Read([0x3c, 0xff, 0x3e]));

    [Fact]
    public void Links_survive_writing_and_reading()
    {
        Gen<string> values = MqttGen.Texts.Select(t => new string([.. t.Where(c => c >= ' ' && c != 0x7f)]));
        Gen<string> names = Gen.Elements("rt", "if", "ct", "ver", "title*", "x-y.z");
        Gen<(string, (string, string?)[])[]> links =
            from count in Gen.Choose(1, 5)
            from all in (from target in values
                         from attributes in (from name in names from has in Gen.Elements(true, false) from value in values select (name, has ? value : null)).ListOf()
                         select (target.Replace('>', '/'), attributes.Take(4).ToArray())).ListOf(count)
            select all.ToArray();
        Prop.ForAll(Arb.From(links), all =>
        {
            var writer = new LinkWriter();
            foreach ((string target, (string, string?)[] attributes) in all)
            {
                writer.Add(target);
                foreach ((string name, string? value) in attributes)
                    writer.AddAttribute(name, value!);
            }
            return Read(writer.ToBytes()) == string.Join(" | ", all.Select(l => l.Item1 + string.Concat(l.Item2.Select(a => " " + a.Item1 + (a.Item2 == null ? "" : "=" + a.Item2)))));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Changed_text_is_read_or_malformed() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(
            Arb.From(Gen.Elements('<', '>', ';', ',', '=', '"', '\\', 'a', ' ', '/').ListOf().Select(l => new string([.. l.Take(20)]))), text =>
            {
                string? read = Read(text);
                return read == null || text.Count(c => c == '<') >= read.Split(" | ").Length || read.Length == 0;
            }));

    [Fact]
    public void What_cannot_stand_in_a_link_is_refused()
    {
        var writer = new LinkWriter();
        Assert.Throws<ArgumentException>(() => writer.AddAttribute("ct", "40"));
        Assert.Throws<ArgumentException>(() => writer.Add("/a>"));
        Assert.Throws<ArgumentException>(() => writer.Add(null!));
        Assert.Throws<ArgumentException>(() => writer.Add("/\n"));
        writer.Add("/a");
        Assert.Throws<ArgumentException>(() => writer.AddAttribute("", "40"));
        Assert.Throws<ArgumentException>(() => writer.AddAttribute("c t", "40"));
        Assert.Throws<ArgumentException>(() => writer.AddAttribute("ct", "4\r0"));
        Assert.Equal("</a>", Encoding.UTF8.GetString(writer.ToBytes()));
    }

    private static string? Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    private static string? Read(byte[] bytes)
    {
        var links = new List<string>();
        var reader = new LinkReader(bytes, 0, bytes.Length);
        while (reader.Read())
        {
            var link = new StringBuilder(reader.Target);
            while (reader.ReadAttribute())
                link.Append(' ').Append(reader.AttributeName).Append(reader.AttributeValue == null ? "" : "=" + reader.AttributeValue);
            links.Add(link.ToString());
        }
        return reader.IsMalformed ? null : string.Join(" | ", links);
    }
}
