using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class CoapOptionTests
{
    // RFC 7252 table 4, RFC 7641 s2, RFC 7959 s2.1, RFC 7967, RFC 8768, RFC 9175: C U N R, least and most bytes.
    [Theory]
    [InlineData(CoapOption.IfMatch, "C--R", 0, 8)]
    [InlineData(CoapOption.UriHost, "CU--", 1, 255)]
    [InlineData(CoapOption.ETag, "---R", 1, 8)]
    [InlineData(CoapOption.IfNoneMatch, "C---", 0, 0)]
    [InlineData(CoapOption.Observe, "-U--", 0, 3)]
    [InlineData(CoapOption.UriPort, "CU--", 0, 2)]
    [InlineData(CoapOption.LocationPath, "---R", 0, 255)]
    [InlineData(CoapOption.UriPath, "CU-R", 0, 255)]
    [InlineData(CoapOption.ContentFormat, "----", 0, 2)]
    [InlineData(CoapOption.MaxAge, "-U--", 0, 4)]
    [InlineData(CoapOption.UriQuery, "CU-R", 0, 255)]
    [InlineData(CoapOption.HopLimit, "----", 1, 1)]
    [InlineData(CoapOption.Accept, "C---", 0, 2)]
    [InlineData(CoapOption.LocationQuery, "---R", 0, 255)]
    [InlineData(CoapOption.Block2, "CU--", 0, 3)]
    [InlineData(CoapOption.Block1, "CU--", 0, 3)]
    [InlineData(CoapOption.Size2, "--N-", 0, 4)]
    [InlineData(CoapOption.ProxyUri, "CU--", 1, 1034)]
    [InlineData(CoapOption.ProxyScheme, "CU--", 1, 255)]
    [InlineData(CoapOption.Size1, "--N-", 0, 4)]
    [InlineData(CoapOption.Echo, "--N-", 1, 40)]
    [InlineData(CoapOption.NoResponse, "-U--", 0, 1)]
    [InlineData(CoapOption.RequestTag, "---R", 0, 8)]
    public void Options_are_what_their_definitions_say(int number, string marks, int least, int most)
    {
        string found = (CoapOption.IsCritical(number) ? "C" : "-") + (CoapOption.IsUnsafe(number) ? "U" : "-")
            + (CoapOption.IsNoCacheKey(number) ? "N" : "-") + (CoapOption.IsRepeatable(number) ? "R" : "-");
        Assert.Equal(marks, found);
        Assert.True(CoapOption.IsKnown(number));
        Assert.Equal(Enumerable.Range(least, most - least + 1), Enumerable.Range(0, 2000).Where(n => CoapOption.IsLengthAllowed(number, n)));
    }

    [Fact]
    public void Other_numbers_are_not_known()
    {
        int known = Enumerable.Range(0, 65536).Count(CoapOption.IsKnown);
        Assert.Equal(23, known);
        Assert.True(CoapOption.IsLengthAllowed(65000, 66000));
    }

    [Fact]
    public void Integers_are_written_in_the_shortest_form_and_read_with_zeros_in_front() =>
        Prop.ForAll(Arb.From(Gen.OneOf(Gen.Choose(0, 300), Gen.Choose(0, int.MaxValue), Gen.Elements(0, 255, 256, 65535, 65536, 0xffffff, 0x1000000))), number =>
        {
            CoapReader read = WithOption(w => w.AddOption(CoapOption.Size1, (uint)number));
            int bytes = number == 0 ? 0 : (int)Math.Log2(number) / 8 + 1;
            bool shortest = read.FindOption(CoapOption.Size1) && read.OptionLength == bytes && read.TryGetUInt(out uint one) && one == number;
            byte[] wide = [(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number];
            CoapReader padded = WithOption(w => w.AddOption(2000, wide, 0, 4));
            return shortest && padded.FindOption(2000) && padded.TryGetUInt(out uint other) && other == number;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_integer_of_five_bytes_is_none()
    {
        CoapReader reader = WithOption(w => w.AddOption(2000, new byte[5], 0, 5));
        Assert.True(reader.FindOption(2000));
        Assert.False(reader.TryGetUInt(out _));
    }

    [Fact]
    public void Text_is_well_formed_UTF8_and_nothing_else()
    {
        CoapReader good = WithOption(w => w.AddOption(CoapOption.UriQuery, "r\u00fccken\0\U0001f600"));
        Assert.True(good.FindOption(CoapOption.UriQuery) && good.TryGetText(out string text) && text == "r\u00fccken\0\U0001f600");
        CoapReader bad = WithOption(w => w.AddOption(CoapOption.UriQuery, [0xc0, 0x80], 0, 2));
        Assert.True(bad.FindOption(CoapOption.UriQuery));
        Assert.False(bad.TryGetText(out _));
        Assert.False(bad.IsText("a"));
    }

    [Fact]
    public void An_option_is_found_among_others_and_the_first_of_its_number_is_taken()
    {
        CoapReader reader = WithOption(w =>
        {
            w.AddOption(CoapOption.ETag, [1], 0, 1);
            w.AddOption(CoapOption.UriPath, "a");
            w.AddOption(CoapOption.UriPath, "b");
            w.AddOption(CoapOption.Accept, 112u);
        });
        Assert.True(reader.FindOption(CoapOption.UriPath) && reader.IsText("a"));
        Assert.True(reader.ReadOption() && reader.IsText("b"));
        Assert.True(reader.FindOption(CoapOption.ETag) && reader.OptionLength == 1);
        Assert.False(reader.FindOption(CoapOption.ContentFormat));
        Assert.False(reader.FindOption(CoapOption.Size1));
    }

    [Theory]
    [InlineData("/", "")]
    [InlineData("/rd", "11:rd")]
    [InlineData("/a/b/", "11:a 11:b 11:")]
    [InlineData("//", "11: 11:")]
    [InlineData("/rd?ep=node-1&lt=60", "11:rd 15:ep=node-1 15:lt=60")]
    [InlineData("/?", "15:")]
    [InlineData("/a?x&&y", "11:a 15:x 15: 15:y")]
    [InlineData("/a%2Fb?c%26d/?", "11:a/b 15:c&d/?")]
    [InlineData("/%7Bx%7D", "11:{x}")]
    public void Paths_become_options_and_options_paths(string path, string options)
    {
        CoapReader reader = WithOption(w => CoapPath.Add(w, path));
        var found = new List<string>();
        while (reader.ReadOption())
            found.Add($"{reader.OptionNumber}:{Encoding.ASCII.GetString(reader.Buffer, reader.OptionOffset, reader.OptionLength)}");
        Assert.Equal(options, string.Join(' ', found));
        Assert.Equal(path, CoapPath.Format(reader));
        Assert.Equal(path, CoapPath.FormatLocation(WithOption(w => CoapPath.AddLocation(w, path))));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("/%")]
    [InlineData("/%4")]
    [InlineData("/%4g")]
    public void What_is_no_path_is_refused(string? path) => Assert.Throws<ArgumentException>(() => WithOption(w => CoapPath.Add(w, path!)));

    [Fact]
    public void Any_segments_and_arguments_survive_as_a_path() =>
        Prop.ForAll(Arb.From(Samples.Bytes(0, 9).ListOf()), Arb.From(Samples.Bytes(0, 9).ListOf()), (segments, arguments) =>
        {
            bool nothing = segments.Count == 1 && segments[0].Length == 0;
            CoapReader reader = WithOption(w =>
            {
                foreach (byte[] segment in segments)
                    w.AddOption(CoapOption.UriPath, segment, 0, segment.Length);
                foreach (byte[] argument in arguments)
                    w.AddOption(CoapOption.UriQuery, argument, 0, argument.Length);
            });
            CoapReader again = WithOption(w => CoapPath.Add(w, CoapPath.Format(reader)));
            return nothing || Same(reader, again);
        }).QuickCheckThrowOnFailure();

    private static bool Same(CoapReader one, CoapReader other) => Bytes(one).SequenceEqual(Bytes(other));

    private static byte[] Bytes(CoapReader reader) => reader.Buffer[..reader.PayloadOffset];

    private static CoapReader WithOption(Action<CoapWriter> add)
    {
        byte[] buffer = new byte[20000];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, CoapType.Confirmable, CoapCode.Get, 1, null!, 0, 0);
        add(writer);
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.None, reader.Read(buffer, 0, writer.Length));
        return reader;
    }
}
