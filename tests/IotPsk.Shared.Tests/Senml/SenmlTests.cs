using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class SenmlTests
{
    private const int Json = CoapContentFormat.SenmlJson, Cbor = CoapContentFormat.SenmlCbor;

    // RFC 8428 s5.1.2 and the same pack as CBOR, s6.
    private const string ExampleJson = """
        [
          {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,
           "bu":"A","bver":5,
           "n":"voltage","u":"V","v":120.1},
          {"n":"current","t":-5,"v":1.2},
          {"n":"current","t":-4,"v":1.3},
          {"n":"current","t":-3,"v":1.4},
          {"n":"current","t":-2,"v":1.5},
          {"n":"current","t":-1,"v":1.6},
          {"n":"current","v":1.7}
        ]
        """;

    private const string ExampleCbor =
        "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b0010622361412005"
        + "0067766f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a300"
        + "6763757272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763"
        + "757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e740600"
        + "02fb3ffb333333333333";

    private static readonly string[] Expected =
    [
        "urn:dev:ow:10e2073a0108006:voltage V 120.1 @1276020076.001", "urn:dev:ow:10e2073a0108006:current A 1.2 @1276020071.001",
        "urn:dev:ow:10e2073a0108006:current A 1.3 @1276020072.001", "urn:dev:ow:10e2073a0108006:current A 1.4 @1276020073.001",
        "urn:dev:ow:10e2073a0108006:current A 1.5 @1276020074.001", "urn:dev:ow:10e2073a0108006:current A 1.6 @1276020075.001",
        "urn:dev:ow:10e2073a0108006:current A 1.7 @1276020076.001",
    ];

    [Fact]
    public void The_example_of_RFC_8428_resolves_from_JSON_and_from_CBOR()
    {
        Assert.Equal(Expected, Read(Json, Encoding.UTF8.GetBytes(ExampleJson))!);
        Assert.Equal(Expected, Read(Cbor, Convert.FromHexString(ExampleCbor))!);
    }

    [Fact]
    public void What_LwM2M_writes_is_read()
    {
        Assert.Equal(["/3/0/0 s:Open Mobile Alliance", "/3/0/9 w:95", "/3/0/13 w:1367491215", "/1/0/6 f:True", "/2/0/1 l:66:0", "/5/0/0 d:0102ff"],
            Read(Json, """[{"bn":"/","n":"3/0/0","vs":"Open Mobile Alliance"},{"n":"3/0/9","v":95},{"n":"3/0/13","v":1367491215},{"n":"1/0/6","vb":true},{"n":"2/0/1","vlo":"66:0"},{"n":"5/0/0","vd":"AQL_"}]"""u8.ToArray())!);
        Assert.Equal(["/3/0/0 s:ab", "/2/0/1 l:66:0"], Read(Cbor, Convert.FromHexString("9fbf21632f332f0063302f3003626162ffbf2161" + "2f0065322f302f3163766c6f6436363a30ffff"))!);
        Assert.Equal(["/3/0/9 -"], Read(Json, """[{"n":"/3/0/9"}]"""u8.ToArray())!);
    }

    [Fact]
    public void Base_value_and_base_sum_are_added()
    {
        Assert.Equal(["a w:12 +3", "b 2.5 +7"], Read(Json, """[{"bv":2,"bs":3,"n":"a","v":10},{"n":"b","v":0.5,"s":4}]"""u8.ToArray())!);
        Assert.Equal(["a 9.223372036854776E+18"], Read(Json, """[{"bv":1,"n":"a","v":9223372036854775807}]"""u8.ToArray())!);
        Assert.Equal(["a 1.5"], Read(Json, """[{"bv":0.5,"n":"a","v":1}]"""u8.ToArray())!);
    }

    [Theory]
    [InlineData("", SenmlError.NoPack)]
    [InlineData("{}", SenmlError.NoPack)]
    [InlineData("[1]", SenmlError.NoPack)]
    [InlineData("[", SenmlError.NoPack)]
    [InlineData("""[{"n":"a","v":1}""", SenmlError.Syntax)]
    [InlineData("""[{"n":"a","v":1},]""", SenmlError.NoPack)]
    [InlineData("""[{"n":"a","v":1,}]""", SenmlError.Syntax)]
    [InlineData("""[{"n":"a" "v":1}]""", SenmlError.Syntax)]
    [InlineData("""[{"n":"a","v":1}]x""", SenmlError.Trailing)]
    [InlineData("""[{"n":"a","v":01}]""", SenmlError.Syntax)]
    [InlineData("""[{"n":"a","v":+1}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":1.}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":.5}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":1e}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":1e999}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":"1"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","v":null}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vs":1}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vb":0}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vd":"AQI="}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vd":"AQJ"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vd":"A"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","bver":0}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","bver":11}]""", SenmlError.UnknownVersion)]
    [InlineData("""[{"n":"a","v":1,"v":2}]""", SenmlError.FieldTwice)]
    [InlineData("""[{"n":"a","v":1,"vs":"x"}]""", SenmlError.TwoValues)]
    [InlineData("""[{"n":"a","v":1,"new_":2}]""", SenmlError.MustUnderstand)]
    [InlineData("""[{"v":1}]""", SenmlError.Name)]
    [InlineData("""[{"n":"a b","v":1}]""", SenmlError.Name)]
    [InlineData("""[{"n":"a","vs":"\ud800"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vs":"\udc00"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","vs":"\x"}]""", SenmlError.FieldType)]
    [InlineData("""[{"n":"a","x":[[[[[[[[[1]]]]]]]]]}]""", SenmlError.Syntax)]
    [InlineData("""[{"n":"a","x":[1 2]}]""", SenmlError.Syntax)]
    public void Each_error_has_its_name(string json, SenmlError expected) => Assert.Equal(expected, Error(Json, Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("", SenmlError.NoPack)]
    [InlineData("a0", SenmlError.NoPack)]
    [InlineData("8101", SenmlError.NoPack)]
    [InlineData("81a1", SenmlError.NoPack)]
    [InlineData("81a1f400", SenmlError.Syntax)]
    [InlineData("81a100616100", SenmlError.Trailing)]
    [InlineData("81a2006161026131", SenmlError.FieldType)]
    [InlineData("81a2006161087f616161ffff", SenmlError.FieldType)]
    [InlineData("81a1007f616161ff", SenmlError.FieldType)]
    [InlineData("81a200616104f7", SenmlError.FieldType)]
    [InlineData("81a200616102fb40", SenmlError.FieldType)]
    [InlineData("81a2006161627a5f01", SenmlError.MustUnderstand)]
    [InlineData("81a200616118638181818181818101", SenmlError.Syntax)]
    [InlineData("9fa1006161", SenmlError.NoPack)]
    [InlineData("9b7fffffffffffffff", SenmlError.NoPack)]
    public void Each_error_of_CBOR_has_its_name(string hex, SenmlError expected) => Assert.Equal(expected, Error(Cbor, Convert.FromHexString(hex)));

    [Fact]
    public void Fields_of_others_are_passed_over()
    {
        Assert.Equal(["a w:1"], Read(Json, """ [ { "x" : [ 1 , "]" , { "y" : null , "z":[] } , true , -1.5e-3 ] , "n" : "a" , "v" : 1 } ] """u8.ToArray())!);
        Assert.Equal(["a w:1"], Read(Cbor, Convert.FromHexString("81a3" + "6178" + "9f01bf6161f6ff820102fbffffffffffffffffff" + "006161" + "0201"))!);
    }

    [Theory]
    [InlineData("00", 0.0)]
    [InlineData("3903e7", -1000.0)]
    [InlineData("1bffffffffffffffff", 18446744073709551615.0)]
    [InlineData("3bffffffffffffffff", -18446744073709551616.0)]
    [InlineData("f90000", 0.0)]
    [InlineData("f93c00", 1.0)]
    [InlineData("f97bff", 65504.0)]
    [InlineData("f90001", 5.960464477539063e-8)]
    [InlineData("f90400", 0.00006103515625)]
    [InlineData("f9c400", -4.0)]
    [InlineData("fa47c35000", 100000.0)]
    [InlineData("fb3ff199999999999a", 1.1)]
    [InlineData("c48221196ab3", 273.15)]
    [InlineData("c48202196ab3", 2731500.0)]
    [InlineData("1800", 0.0)]
    public void Numbers_of_CBOR_are_read_in_every_form(string hex, double expected) =>
        Assert.Equal($"a {(expected == Math.Floor(expected) && !hex.StartsWith('f') && !hex.StartsWith('c') && Math.Abs(expected) < 1e18 ? "w:" : "")}{expected.ToString(CultureInfo.InvariantCulture)}",
            Assert.Single(Read(Cbor, Convert.FromHexString("81a200616102" + hex))!));

    [Fact]
    public void Packs_survive_writing_and_reading_in_both_forms() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Arb.From(Packs), Arb.From(Gen.Elements("", "/3/0/", "urn:")), Arb.From(Gen.Elements(0.0, 1.5e9, 1.5)), (pack, baseName, baseTime) =>
        {
            foreach (SenmlRecord record in pack)
                record.Name = baseName + record.Name;
            string[] expected = [.. pack.Select(Tell)];
            byte[] json = Write(Json, pack, baseName, baseTime), cbor = Write(Cbor, pack, baseName, baseTime);
            JsonDocument.Parse(json).Dispose();
            return Read(Json, json)!.SequenceEqual(expected) && Read(Cbor, cbor)!.SequenceEqual(expected);
        }));

    [Fact]
    public void Changed_packs_are_read_or_named() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(Arb.From(Packs), Arb.From(Gen.Choose(0, 100000)), Arb.From(Gen.Choose(0, 255)), (pack, at, value) =>
        {
            foreach (int format in (int[])[Json, Cbor])
            {
                byte[] bytes = Write(format, pack, "", 0);
                if (Read(format, bytes[..(at % bytes.Length)]) != null)
                    return false;
                bytes[at % bytes.Length] = (byte)value;
                _ = Error(format, bytes);
            }
            return true;
        }));

    [Fact]
    public void Noise_is_read_or_named() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(Arb.From(Samples.Bytes(0, 40)), Arb.From(Gen.Elements('[', ']', '{', '}', '"', ':', ',', 'n', 'v', '1', '\\', '-', '.').ListOf()), (bytes, text) =>
        {
            byte[] json = Encoding.ASCII.GetBytes(string.Concat(text.Take(40)));
            return Consistent(Cbor, [0x81, 0xa2, .. bytes]) && Consistent(Json, json) && Consistent(Json, bytes);
        }));

    [Fact]
    public void What_is_no_SenML_is_not_written()
    {
        Refused(new SenmlRecord { Name = "a b" });
        Refused(new SenmlRecord { Name = "" });
        Refused(new SenmlRecord());
        Refused(new SenmlRecord { Name = "b" }, "a");
        Refused(new SenmlRecord { Name = "a", Kind = SenmlKind.Number, Number = double.NaN });
        Refused(new SenmlRecord { Name = "a", Time = double.PositiveInfinity });
        Refused(new SenmlRecord { Name = "a", HasSum = true, Sum = double.NegativeInfinity });
        Refused(new SenmlRecord { Name = "a", Kind = SenmlKind.Data });
        Refused(new SenmlRecord { Name = "a", Kind = SenmlKind.Text });
        Refused(new SenmlRecord { Name = "a", Kind = SenmlKind.Text, Text = new string('x', 200) });
        Assert.Throws<ArgumentException>(() => new SenmlWriter(50, new byte[9], 0, 9, 0, "", 0));
        Assert.Throws<ArgumentException>(() => new SenmlReader(50, new byte[9], 0, 9));
        Assert.Throws<ArgumentException>(() => new SenmlWriter(Json, new byte[99], 0, 99, 1, "", 0).End());
        Assert.Throws<ArgumentException>(() => new SenmlWriter(Json, new byte[99], 0, 99, 0, "", 0).Write(new SenmlRecord { Name = "a" }));

        static void Refused(SenmlRecord record, string baseName = "")
        {
            Assert.Throws<ArgumentException>(() => new SenmlWriter(Json, new byte[99], 0, 99, 1, baseName, 0).Write(record));
            Assert.Throws<ArgumentException>(() => new SenmlWriter(Cbor, new byte[99], 0, 99, 1, baseName, 0).Write(record));
        }
    }

    private static Gen<SenmlRecord[]> Packs { get; } =
        from count in Gen.Choose(0, 5)
        from records in (
            from name in Gen.Elements("a", "3/0/1", "x:y.z-_", "/")
            from unit in Gen.Elements<string?>(null, "Cel", "%", "")
            from kind in Gen.Choose(0, 6)
            from number in ArbMap.Default.GeneratorFor<double>().Where(double.IsFinite)
            from whole in Gen.OneOf(ArbMap.Default.GeneratorFor<long>(), Gen.Choose(-300, 300).Select(i => (long)i), Gen.Elements(long.MinValue, long.MaxValue))
            from text in MqttGen.Texts
            from data in Samples.Bytes(0, 20)
            from time in Gen.Elements(0, -5, 1.5, 1e9, 1276020076.001)
            from extra in Gen.Choose(0, 3)
            select Record(name, unit, (SenmlKind)kind, number, whole, text, data, time, extra)).ListOf(count)
        select records.ToArray();

    private static SenmlRecord Record(string name, string? unit, SenmlKind kind, double number, long whole, string text, byte[] data, double time, int extra) => new()
    {
        Name = name,
        Unit = unit!,
        Kind = kind,
        Number = number,
        WholeNumber = whole,
        Text = text + (extra == 1 ? "\"\\\n\u0001" : ""),
        Flag = whole > 0,
        Data = data,
        Time = time,
        HasSum = extra > 1,
        Sum = extra > 1 ? extra : 0,
        UpdateTime = extra == 3 ? 60 : 0,
    };

    private static byte[] Write(int format, SenmlRecord[] pack, string baseName, double baseTime)
    {
        byte[] buffer = new byte[4000];
        var writer = new SenmlWriter(format, buffer, 2, buffer.Length - 2, pack.Length, baseName, baseTime);
        foreach (SenmlRecord record in pack)
            writer.Write(record);
        return buffer[2..(2 + writer.End())];
    }

    private static string[]? Read(int format, byte[] bytes)
    {
        byte[] buffer = [7, .. bytes, 7];
        var reader = new SenmlReader(format, buffer, 1, bytes.Length);
        var record = new SenmlRecord { Name = "old", Unit = "old", UpdateTime = 9 };
        var found = new List<string>();
        while (reader.Read(record))
            found.Add(Tell(record));
        return reader.Error == SenmlError.None ? [.. found] : null;
    }

    private static SenmlError Error(int format, byte[] bytes)
    {
        var reader = new SenmlReader(format, bytes, 0, bytes.Length);
        var record = new SenmlRecord();
        while (reader.Read(record))
            Assert.True(SenmlRecord.IsName(record.Name));
        SenmlError error = reader.Error;
        Assert.False(reader.Read(record) && error != SenmlError.None);
        return error;
    }

    private static bool Consistent(int format, byte[] bytes) => Error(format, bytes) != SenmlError.None == (Read(format, bytes) == null);

    private static string Tell(SenmlRecord record)
    {
        string value = record.Kind switch
        {
            SenmlKind.None => "-",
            SenmlKind.Number => record.Number.ToString(CultureInfo.InvariantCulture),
            SenmlKind.WholeNumber => "w:" + record.WholeNumber.ToString(CultureInfo.InvariantCulture),
            SenmlKind.Text => "s:" + record.Text,
            SenmlKind.Flag => "f:" + record.Flag,
            SenmlKind.Data => "d:" + Convert.ToHexStringLower(record.Data),
            _ => "l:" + record.Text,
        };
        // A base time is taken away and added again: the last bits may differ.
        string time = record.Time == 0 ? "" : " @" + Math.Round(record.Time, 4).ToString(CultureInfo.InvariantCulture);
        return record.Name + (record.Unit == null ? "" : " " + record.Unit) + " " + value + (record.HasSum ? " +" + record.Sum.ToString(CultureInfo.InvariantCulture) : "")
            + time + (record.UpdateTime == 0 ? "" : " ~" + record.UpdateTime.ToString(CultureInfo.InvariantCulture));
    }
}
