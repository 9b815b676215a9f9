using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class CoapMessageTests
{
    [Fact]
    public void The_examples_of_RFC_7252_appendix_A_are_written_and_read()
    {
        var writer = new CoapWriter();
        byte[] buffer = new byte[64];
        writer.Begin(buffer, 0, 64, CoapType.Confirmable, CoapCode.Get, 0x7d34, null!, 0, 0);
        writer.AddOption(CoapOption.UriPath, "temperature");
        Assert.Equal("40017d34" + "bb" + Hex("temperature"), Convert.ToHexStringLower(buffer, 0, writer.Length));

        writer.Begin(buffer, 0, 64, CoapType.Acknowledgement, CoapCode.Content, 0x7d34, null!, 0, 0);
        writer.WritePayload(Encoding.ASCII.GetBytes("22.3 C"), 0, 6);
        Assert.Equal("60457d34" + "ff" + Hex("22.3 C"), Convert.ToHexStringLower(buffer, 0, writer.Length));

        writer.Begin(buffer, 0, 64, CoapType.Confirmable, CoapCode.Get, 0x7d35, [0x20], 0, 1);
        CoapPath.Add(writer, "/temperature");
        Assert.Equal("41017d35" + "20" + "bb" + Hex("temperature"), Convert.ToHexStringLower(buffer, 0, writer.Length));

        var reader = new CoapReader();
        byte[] answer = Convert.FromHexString("61457d35" + "20" + "ff" + Hex("22.3 C"));
        Assert.Equal(CoapFormatError.None, reader.Read(answer, 0, answer.Length));
        Assert.Equal((CoapType.Acknowledgement, CoapCode.Content, 0x7d35), (reader.Type, reader.Code, reader.MessageId));
        Assert.Equal([0x20], answer[reader.TokenOffset..(reader.TokenOffset + reader.TokenLength)]);
        Assert.False(reader.ReadOption());
        Assert.Equal("22.3 C", Encoding.ASCII.GetString(answer, reader.PayloadOffset, reader.PayloadCount));
    }

    [Fact]
    public void What_is_written_is_what_the_RFC_says_and_is_read_again() =>
        Prop.ForAll(Arb.From(CoapGen.Messages(CoapGen.RightOptions)), sample =>
        {
            byte[] message = Write(sample);
            return message.AsSpan().SequenceEqual(sample.Encode()) && Same(sample, message);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Options_of_strangers_are_read_whatever_they_are() =>
        Prop.ForAll(Arb.From(CoapGen.Messages(CoapGen.AnyOptions)), sample => Same(sample, sample.Encode())).QuickCheckThrowOnFailure();

    [Fact]
    public void A_message_cut_short_is_an_error_or_another_whole_message() =>
        Prop.ForAll(Arb.From(CoapGen.Messages(CoapGen.AnyOptions)), sample =>
        {
            byte[] message = sample.Encode();
            return Enumerable.Range(0, message.Length).All(length => IsJudged(message[..length]));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Changed_bytes_are_an_error_or_another_whole_message() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(
            Arb.From(CoapGen.Messages(CoapGen.AnyOptions)), Arb.From(Gen.Choose(0, 4000)), Arb.From(Gen.Choose(0, 255)), (sample, at, value) =>
            {
                byte[] message = sample.Encode();
                message[at % message.Length] = (byte)value;
                return IsJudged(message);
            }));

    [Fact]
    public void Noise_is_an_error_or_a_whole_message() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(
            Arb.From(Gen.OneOf(Samples.Bytes(0, 20), Samples.Bytes(3, 40).Select(b => (byte[])[0x40, 1, .. b]), Samples.Bytes(3, 40).Select(b => (byte[])[0x50, 2, .. b]))),
            IsJudged));

    [Theory]
    [InlineData("", CoapFormatError.TooShort)]
    [InlineData("400100", CoapFormatError.TooShort)]
    [InlineData("00010000", CoapFormatError.UnknownVersion)]
    [InlineData("80010000", CoapFormatError.UnknownVersion)]
    [InlineData("c0010000", CoapFormatError.UnknownVersion)]
    [InlineData("49010000010203040506070809", CoapFormatError.TokenTooLong)]
    [InlineData("4f010000", CoapFormatError.TokenTooLong)]
    [InlineData("4201000001", CoapFormatError.TokenTruncated)]
    [InlineData("4100000001", CoapFormatError.EmptyWithContent)]
    [InlineData("40000000ff01", CoapFormatError.EmptyWithContent)]
    [InlineData("600000000a", CoapFormatError.EmptyWithContent)]
    [InlineData("50000000", CoapFormatError.NonConfirmableEmpty)]
    [InlineData("70010000", CoapFormatError.ResetNotEmpty)]
    [InlineData("70450000", CoapFormatError.ResetNotEmpty)]
    [InlineData("60010000", CoapFormatError.AcknowledgedRequest)]
    [InlineData("40200000", CoapFormatError.ReservedClass)]
    [InlineData("40600000", CoapFormatError.ReservedClass)]
    [InlineData("40c00000", CoapFormatError.ReservedClass)]
    [InlineData("40ff0000", CoapFormatError.ReservedClass)]
    [InlineData("40010000f1", CoapFormatError.ReservedOptionDelta)]
    [InlineData("400100001f", CoapFormatError.ReservedOptionLength)]
    [InlineData("40010000b2aa", CoapFormatError.OptionTruncated)]
    [InlineData("40010000d0", CoapFormatError.OptionTruncated)]
    [InlineData("40010000e000", CoapFormatError.OptionTruncated)]
    [InlineData("400100000d", CoapFormatError.OptionTruncated)]
    [InlineData("400100000eff", CoapFormatError.OptionTruncated)]
    [InlineData("400100000effff", CoapFormatError.OptionTruncated)]
    [InlineData("40010000e0fef3", CoapFormatError.OptionNumberTooLarge)]
    [InlineData("40010000e0fef210", CoapFormatError.OptionNumberTooLarge)]
    [InlineData("40010000ff", CoapFormatError.MarkerWithoutPayload)]
    [InlineData("4001000010ff", CoapFormatError.MarkerWithoutPayload)]
    public void Each_error_of_form_has_its_name(string hex, CoapFormatError expected)
    {
        byte[] message = Convert.FromHexString(hex);
        Assert.Equal(expected, new CoapReader().Read(message, 0, message.Length));
    }

    [Theory]
    [InlineData("40000001")]
    [InlineData("60000001")]
    [InlineData("70000001")]
    [InlineData("40010000e0fef2")]
    [InlineData("401f0000")]
    [InlineData("40bf0000")]
    public void What_is_just_inside_the_rules_is_read(string hex)
    {
        byte[] message = Convert.FromHexString(hex);
        Assert.Equal(CoapFormatError.None, new CoapReader().Read(message, 0, message.Length));
    }

    [Fact]
    public void Of_a_malformed_message_type_and_id_are_known_for_its_rejection()
    {
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.ReservedOptionDelta, reader.Read([0x40, 1, 0x12, 0x34, 0xf0], 0, 5));
        Assert.Equal((CoapType.Confirmable, 0x1234), (reader.Type, reader.MessageId));
    }

    [Fact]
    public void Empty_messages_have_four_bytes()
    {
        byte[] buffer = new byte[4];
        Assert.Equal(4, CoapWriter.WriteEmpty(CoapType.Reset, 0x1234, buffer, 0));
        Assert.Equal([0x70, 0, 0x12, 0x34], buffer);
        Assert.Throws<ArgumentException>(() => CoapWriter.WriteEmpty(CoapType.NonConfirmable, 1, buffer, 0));
        Assert.Throws<ArgumentException>(() => CoapWriter.WriteEmpty(CoapType.Reset, 1, buffer, 1));
        Assert.Throws<ArgumentException>(() => CoapWriter.WriteEmpty(CoapType.Reset, 65536, buffer, 0));
    }

    [Fact]
    public void What_must_not_be_sent_is_not_written()
    {
        Refused(w => w.AddOption(CoapOption.UriPath), w => w.AddOption(CoapOption.Observe, 0u));
        Refused(w => w.AddOption(CoapOption.Observe, 0u), w => w.AddOption(CoapOption.Observe, 1u));
        Refused(w => w.AddOption(0));
        Refused(w => w.AddOption(65536));
        Refused(w => w.AddOption(CoapOption.Observe, 0x1000000u));
        Refused(w => w.AddOption(CoapOption.UriPath, new string('a', 256)));
        Refused(w => w.AddOption(CoapOption.ETag));
        Refused(w => w.AddOption(CoapOption.Echo, new byte[41], 0, 41));
        Refused(w => w.AddOption(CoapOption.ETag, new byte[4], 2, 3));
        Refused(w => w.WritePayload([1], 0, 1), w => w.AddOption(CoapOption.UriPath));
        Refused(w => w.WritePayload([1], 0, 1), w => w.WritePayload([1], 0, 1));
        Refused(w => w.WritePayload([1], 1, 1));
        Assert.Throws<ArgumentException>(() => new CoapWriter().AddOption(CoapOption.UriPath));
        RefusedToBegin(CoapType.Reset, CoapCode.Get, 0, 0);
        RefusedToBegin(CoapType.Acknowledgement, CoapCode.Get, 0, 0);
        RefusedToBegin(CoapType.Confirmable, CoapCode.Empty, 0, 0);
        RefusedToBegin(CoapType.Confirmable, (CoapCode)0x20, 0, 0);
        RefusedToBegin(CoapType.Confirmable, CoapCode.Get, 65536, 0);
        RefusedToBegin(CoapType.Confirmable, CoapCode.Get, 0, 9);

        static void Refused(params Action<CoapWriter>[] steps)
        {
            var writer = new CoapWriter();
            writer.Begin(new byte[1000], 0, 1000, CoapType.Confirmable, CoapCode.Get, 1, null!, 0, 0);
            foreach (Action<CoapWriter> step in steps[..^1])
                step(writer);
            int length = writer.Length;
            Assert.Throws<ArgumentException>(() => steps[^1](writer));
            Assert.Equal(length, writer.Length);
        }

        static void RefusedToBegin(CoapType type, CoapCode code, int id, int tokenLength) =>
            Assert.Throws<ArgumentException>(() => new CoapWriter().Begin(new byte[20], 0, 20, type, code, id, new byte[10], 0, tokenLength));
    }

    private static byte[] Write(CoapSample sample)
    {
        byte[] buffer = new byte[8000];
        int length = Write(sample, buffer, 3, buffer.Length - 3);
        Assert.All(buffer[..3], b => Assert.Equal(0, b));
        Assert.All(buffer[(3 + length)..], b => Assert.Equal(0, b));
        Assert.Throws<ArgumentException>(() => Write(sample, new byte[length], 0, length - 1));
        return buffer[3..(3 + length)];
    }

    private static int Write(CoapSample sample, byte[] buffer, int offset, int count)
    {
        var writer = new CoapWriter();
        writer.Begin(buffer, offset, count, sample.Type, (CoapCode)sample.Code, sample.MessageId, sample.Token, 0, sample.Token.Length);
        foreach ((int number, byte[] value) in sample.Options)
            writer.AddOption(number, value, 0, value.Length);
        writer.WritePayload(sample.Payload, 0, sample.Payload.Length);
        Assert.Equal(count - writer.Length, writer.Room);
        return writer.Length;
    }

    private static bool Same(CoapSample sample, byte[] message)
    {
        CoapSample? read = Read(message);
        return read != null && read.Type == sample.Type && read.Code == sample.Code && read.MessageId == sample.MessageId
            && read.Encode().AsSpan().SequenceEqual(sample.Encode());
    }

    // Every delta and length has one form only, so what is read gives the same bytes when it is written again.
    private static bool IsJudged(byte[] message) => Read(message) is not { } read || read.Encode().AsSpan().SequenceEqual(message);

    private static CoapSample? Read(byte[] message)
    {
        byte[] buffer = [9, 9, .. message, 9];
        var reader = new CoapReader();
        if (reader.Read(buffer, 2, message.Length) != CoapFormatError.None)
            return null;
        var options = new List<(int, byte[])>();
        while (reader.ReadOption())
            options.Add((reader.OptionNumber, buffer[reader.OptionOffset..(reader.OptionOffset + reader.OptionLength)]));
        return new CoapSample(reader.Type, (int)reader.Code, reader.MessageId, buffer[reader.TokenOffset..(reader.TokenOffset + reader.TokenLength)],
            [.. options], buffer[reader.PayloadOffset..(reader.PayloadOffset + reader.PayloadCount)]);
    }

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.ASCII.GetBytes(text));
}
