using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class TlvTests
{
    // OMA LwM2M 1.1 s7.4.3.2 (object instance of the device object) and s7.4.3.3 (two access control instances).
    private const string DeviceObject =
        "08 00 79 C8 00 14 4F 70 65 6E 20 4D 6F 62 69 6C 65 20 41 6C 6C 69 61 6E 63 65 C8 01 16 4C 69 67 68 74 77 65 69 67 68 74 20 4D 32 4D 20 43 6C 69 65 6E 74 "
        + "C8 02 09 33 34 35 30 30 30 31 32 33 C3 03 31 2E 30 86 06 41 00 01 41 01 05 88 07 08 42 00 0E D8 42 01 13 88 87 08 41 00 7D 42 01 03 84 C1 09 64 C1 0A 0F "
        + "83 0B 41 00 00 C4 0D 51 82 42 8F C6 0E 2B 30 32 3A 30 30 C1 10 55";

    private const string AccessControl = "08 00 0E C1 00 01 C1 01 00 83 02 41 7F 07 C1 03 7F 08 02 12 C1 00 03 C1 01 00 87 02 41 7F 07 61 01 36 01 C1 03 7F";

    [Fact]
    public void The_device_object_of_the_specification_is_read_and_written()
    {
        byte[] expected = Bytes(DeviceObject);
        var reader = new TlvReader(expected, 0, expected.Length);
        Assert.True(reader.Read());
        Assert.Equal((TlvKind.ObjectInstance, 0), (reader.Kind, reader.Id));
        TlvReader items = reader.GetItems();
        Assert.Equal("Open Mobile Alliance", NextText(items, 0));
        Assert.Equal("Lightweight M2M Client", NextText(items, 1));
        Assert.Equal("345000123", NextText(items, 2));
        Assert.Equal("1.0", NextText(items, 3));
        Assert.Equal([(0, 1L), (1, 5L)], NextMultiple(items, 6));
        Assert.Equal([(0, 3800L), (1, 5000L)], NextMultiple(items, 7));
        Assert.Equal([(0, 125L), (1, 900L)], NextMultiple(items, 8));
        Assert.Equal(100, NextInteger(items, 9));
        Assert.Equal(15, NextInteger(items, 10));
        Assert.Equal([(0, 0L)], NextMultiple(items, 11));
        Assert.Equal(1367491215, NextInteger(items, 13));
        Assert.Equal("+02:00", NextText(items, 14));
        Assert.Equal("U", NextText(items, 16));
        Assert.False(items.Read() || items.IsMalformed || reader.Read() || reader.IsMalformed);

        byte[] buffer = new byte[expected.Length];
        var writer = new TlvWriter(buffer, 0, buffer.Length);
        writer.Begin(TlvKind.ObjectInstance, 0);
        writer.WriteText(TlvKind.Resource, 0, "Open Mobile Alliance");
        writer.WriteText(TlvKind.Resource, 1, "Lightweight M2M Client");
        writer.WriteText(TlvKind.Resource, 2, "345000123");
        writer.WriteText(TlvKind.Resource, 3, "1.0");
        Multiple(writer, 6, 1, 5);
        Multiple(writer, 7, 3800, 5000);
        Multiple(writer, 8, 125, 900);
        writer.WriteInteger(TlvKind.Resource, 9, 100);
        writer.WriteInteger(TlvKind.Resource, 10, 15);
        Multiple(writer, 11, 0);
        writer.WriteInteger(TlvKind.Resource, 13, 1367491215);
        writer.WriteText(TlvKind.Resource, 14, "+02:00");
        writer.WriteText(TlvKind.Resource, 16, "U");
        writer.End();
        Assert.Equal(expected, buffer);
        Assert.Equal(expected.Length, writer.Length);
    }

    [Fact]
    public void Ids_of_two_bytes_stand_beside_ids_of_one()
    {
        byte[] expected = Bytes(AccessControl);
        byte[] buffer = new byte[expected.Length];
        var writer = new TlvWriter(buffer, 0, buffer.Length);
        writer.Begin(TlvKind.ObjectInstance, 0);
        writer.WriteInteger(TlvKind.Resource, 0, 1);
        writer.WriteInteger(TlvKind.Resource, 1, 0);
        writer.Begin(TlvKind.MultipleResource, 2);
        writer.WriteInteger(TlvKind.ResourceInstance, 127, 7);
        writer.End();
        writer.WriteInteger(TlvKind.Resource, 3, 127);
        writer.End();
        writer.Begin(TlvKind.ObjectInstance, 2);
        writer.WriteInteger(TlvKind.Resource, 0, 3);
        writer.WriteInteger(TlvKind.Resource, 1, 0);
        writer.Begin(TlvKind.MultipleResource, 2);
        writer.WriteInteger(TlvKind.ResourceInstance, 127, 7);
        writer.WriteInteger(TlvKind.ResourceInstance, 310, 1);
        writer.End();
        writer.WriteInteger(TlvKind.Resource, 3, 127);
        writer.End();
        Assert.Equal(expected, buffer);
    }

    [Fact]
    public void Integers_survive_in_one_two_four_or_eight_bytes() =>
        Prop.ForAll(Arb.From(Gen.OneOf(Gen.Choose(-300, 300).Select(i => (long)i), Gen.Choose(-70000, 70000).Select(i => (long)i), ArbMap.Default.GeneratorFor<long>(),
            Gen.Elements(long.MinValue, long.MaxValue, int.MinValue, int.MaxValue, -128, 127, 128, -129, -32769))), value =>
            {
                TlvReader reader = Only(w => w.WriteInteger(TlvKind.Resource, 5700, value));
                int bytes = value is >= -128 and < 128 ? 1 : value is >= -32768 and < 32768 ? 2 : value is >= int.MinValue and <= int.MaxValue ? 4 : 8;
                return reader.Id == 5700 && reader.Length == bytes && reader.TryGetInteger(out long read) && read == value;
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Other_values_survive() =>
        Prop.ForAll(Arb.From(ArbMap.Default.GeneratorFor<double>()), Arb.From(MqttGen.Texts), Arb.From(Samples.Bytes(0, 400)), (number, text, bytes) =>
            Only(w => w.WriteFloat(TlvKind.Resource, 1, number)).TryGetFloat(out double read) && read.Equals(number)
            && Only(w => w.WriteText(TlvKind.Resource, 300, text)).TryGetText(out string again) && again == text
            && OpaqueSurvives(bytes)
            && Only(w => w.WriteBoolean(TlvKind.Resource, 1, bytes.Length > 200)).TryGetBoolean(out bool bit) && bit == bytes.Length > 200).QuickCheckThrowOnFailure();

    [Fact]
    public void A_float_of_four_bytes_is_read_too()
    {
        var reader = new TlvReader([0xc4, 1, 0x3f, 0xc0, 0, 0, 0xc4, 1, 0xc2, 0x28, 0, 0], 0, 12);
        Assert.True(reader.Read() && reader.TryGetFloat(out double one) && one == 1.5);
        Assert.True(reader.Read() && reader.TryGetFloat(out double other) && other == -42);
    }

    [Fact]
    public void Object_links_survive()
    {
        TlvReader reader = Only(w => w.WriteObjectLink(TlvKind.Resource, 1, 66, 65535));
        Assert.True(reader.TryGetObjectLink(out int objectId, out int instanceId));
        Assert.Equal((66, 65535), (objectId, instanceId));
        Assert.False(Only(w => w.WriteInteger(TlvKind.Resource, 1, 1)).TryGetObjectLink(out _, out _));
    }

    [Fact]
    public void Values_of_another_length_are_not_taken()
    {
        TlvReader three = Only(w => w.WriteOpaque(TlvKind.Resource, 1, new byte[3], 0, 3));
        Assert.False(three.TryGetInteger(out _) || three.TryGetFloat(out _) || three.TryGetBoolean(out _));
        Assert.False(Only(w => w.WriteInteger(TlvKind.Resource, 1, 2)).TryGetBoolean(out _));
        Assert.False(Only(w => w.WriteOpaque(TlvKind.Resource, 1, [0xff], 0, 1)).TryGetText(out _));
    }

    [Theory]
    [InlineData("C1")]
    [InlineData("C101")]
    [InlineData("E101")]
    [InlineData("C801")]
    [InlineData("C80102AA")]
    [InlineData("D00100")]
    [InlineData("D801000001")]
    [InlineData("D801FFFFFF00")]
    public void What_ends_too_early_is_malformed(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        var reader = new TlvReader(bytes, 0, bytes.Length);
        Assert.False(reader.Read());
        Assert.True(reader.IsMalformed);
        Assert.False(reader.Read());
    }

    [Fact]
    public void Any_bytes_are_items_that_fill_them_or_malformed() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(Arb.From(Samples.Bytes(0, 60)), bytes =>
        {
            var reader = new TlvReader(bytes, 0, bytes.Length);
            int end = 0;
            while (reader.Read())
            {
                if (reader.Offset <= end || reader.Offset + reader.Length > bytes.Length)
                    return false;
                end = reader.Offset + reader.Length;
            }
            return reader.IsMalformed || end == bytes.Length;
        }));

    [Fact]
    public void What_cannot_nest_or_fit_is_refused()
    {
        Refused(w => w.End());
        Refused(w => w.Begin(TlvKind.Resource, 1));
        Refused(w => w.Begin(TlvKind.ObjectInstance, 65536));
        Refused(w => w.WriteInteger(TlvKind.ObjectInstance, 1, 1));
        Refused(w => w.WriteInteger(TlvKind.Resource, -1, 1));
        Refused(w => w.WriteOpaque(TlvKind.Resource, 1, new byte[4], 2, 3));
        Refused(w => w.WriteOpaque(TlvKind.Resource, 1, new byte[62], 0, 62));
        Refused(w => w.Begin(TlvKind.ObjectInstance, 1), w => w.Begin(TlvKind.ObjectInstance, 1));
        Refused(w => w.Begin(TlvKind.ObjectInstance, 1), w => w.WriteInteger(TlvKind.ResourceInstance, 1, 1));
        Refused(w => w.Begin(TlvKind.MultipleResource, 1), w => w.WriteInteger(TlvKind.Resource, 1, 1));
        Refused(w => w.Begin(TlvKind.MultipleResource, 1), w => w.Begin(TlvKind.MultipleResource, 1));
        Refused(w => w.Begin(TlvKind.MultipleResource, 1), w => w.WriteOpaque(TlvKind.ResourceInstance, 1, new byte[61], 0, 61), w => w.End());

        static void Refused(params Action<TlvWriter>[] steps)
        {
            var writer = new TlvWriter(new byte[64], 0, 64);
            foreach (Action<TlvWriter> step in steps[..^1])
                step(writer);
            Assert.Throws<ArgumentException>(() => steps[^1](writer));
        }
    }

    private static TlvReader Only(Action<TlvWriter> write)
    {
        byte[] buffer = new byte[2000];
        var writer = new TlvWriter(buffer, 5, buffer.Length - 5);
        write(writer);
        var reader = new TlvReader(buffer, 5, writer.Length);
        Assert.True(reader.Read());
        Assert.Equal(5 + writer.Length, reader.Offset + reader.Length);
        Assert.Equal(TlvKind.Resource, reader.Kind);
        var second = new TlvReader(buffer, 5, writer.Length);
        Assert.True(second.Read());
        Assert.False(second.Read() || second.IsMalformed);
        return reader;
    }

    private static bool OpaqueSurvives(byte[] bytes)
    {
        byte[] buffer = new byte[bytes.Length + 10];
        var writer = new TlvWriter(buffer, 0, buffer.Length);
        writer.WriteOpaque(TlvKind.Resource, 2, bytes, 0, bytes.Length);
        var reader = new TlvReader(buffer, 0, writer.Length);
        return reader.Read() && buffer.AsSpan(reader.Offset, reader.Length).SequenceEqual(bytes);
    }

    private static void Multiple(TlvWriter writer, int id, params int[] values)
    {
        writer.Begin(TlvKind.MultipleResource, id);
        for (int i = 0; i < values.Length; i++)
            writer.WriteInteger(TlvKind.ResourceInstance, i, values[i]);
        writer.End();
    }

    private static string NextText(TlvReader reader, int id)
    {
        Assert.True(reader.Read());
        Assert.Equal((TlvKind.Resource, id), (reader.Kind, reader.Id));
        Assert.True(reader.TryGetText(out string text));
        return text;
    }

    private static long NextInteger(TlvReader reader, int id)
    {
        Assert.True(reader.Read());
        Assert.Equal((TlvKind.Resource, id), (reader.Kind, reader.Id));
        Assert.True(reader.TryGetInteger(out long value));
        return value;
    }

    private static (int, long)[] NextMultiple(TlvReader reader, int id)
    {
        Assert.True(reader.Read());
        Assert.Equal((TlvKind.MultipleResource, id), (reader.Kind, reader.Id));
        TlvReader items = reader.GetItems();
        var values = new List<(int, long)>();
        while (items.Read())
        {
            Assert.Equal(TlvKind.ResourceInstance, items.Kind);
            Assert.True(items.TryGetInteger(out long value));
            values.Add((items.Id, value));
        }
        Assert.False(items.IsMalformed);
        return [.. values];
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", ""));
}
