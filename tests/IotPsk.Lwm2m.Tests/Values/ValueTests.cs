using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Lwm2m.Models;
using IotPsk.Lwm2m.Tests.Management;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Values;

public class ValueTests
{
    private static ObjectPath Path(string text) => ObjectPath.TryParse(text, out ObjectPath path) ? path : throw new ArgumentException(text, nameof(text));

    private static string Read(int format, string path, byte[] body) =>
        PayloadReader.TryRead(format, Path(path), body, out List<SenmlRecord> records, out string problem) ? string.Join(' ', records.Select(DeviceLab.Tell)) : "! " + problem;

    // OMA LwM2M 1.1 s7.4.3.2.1 and s7.4.3.2.2: the single instance of the Device object, and a read of the object.
    private const string DeviceTlv = "c800144f70656e204d6f62696c6520416c6c69616e6365c801164c69676874776569676874204d324d20436c69656e74c80209333435303030313233c303312e30860641000141010588070842000ed842011388870841007d42010384c10964c10a0f830b410000c40d5182428fc60e2b30323a3030c11055";

    [Fact]
    public void The_example_of_the_specification_is_read_with_names_types_and_units()
    {
        string read = Read(CoapContentFormat.Lwm2mTlv, "/3/0", Convert.FromHexString(DeviceTlv));
        Assert.Equal("/3/0/0=Open Mobile Alliance /3/0/1=Lightweight M2M Client /3/0/2=345000123 /3/0/3=1.0 /3/0/6/0=1 /3/0/6/1=5 /3/0/7/0=3800mV /3/0/7/1=5000mV /3/0/8/0=125mA /3/0/8/1=900mA"
            + " /3/0/9=100% /3/0/10=15KiB /3/0/11/0=0 /3/0/13=1367491215 /3/0/14=+02:00 /3/0/16=U", read);
        byte[] inInstance = [0x08, 0x00, (byte)(DeviceTlv.Length / 2), .. Convert.FromHexString(DeviceTlv)];
        Assert.Equal(read, Read(CoapContentFormat.Lwm2mTlv, "/3", inInstance));
        Assert.Equal(read, Read(CoapContentFormat.Lwm2mTlv, "/3/0", inInstance));
        Assert.Equal(read, Read(1542, "/3/0", Convert.FromHexString(DeviceTlv)));
    }

    [Theory]
    // What no model knows: by its bytes.
    [InlineData("c1012a", "/9999/0/1=42")]
    [InlineData("c101ff", "/9999/0/1=-1")]
    [InlineData("c2014142", "/9999/0/1=AB")]
    [InlineData("c2010141", "/9999/0/1=321")]
    [InlineData("c40141ac0000", "/9999/0/1=21.5")]
    [InlineData("c40100012345", "/9999/0/1=74565")]
    [InlineData("c40165a0bc00", "/9999/0/1=1705032704")]
    [InlineData("c80108403580000000" + "0000", "/9999/0/1=21.5")]
    [InlineData("c801080000000100000000", "/9999/0/1=4294967296")]
    [InlineData("c301c3a478", "/9999/0/1=äx")]
    [InlineData("c30100ff01", "/9999/0/1=00ff01")]
    [InlineData("c001", "/9999/0/1=")]
    // A reusable resource means the same in any object.
    [InlineData("e4164441ac0000", "/9999/0/5700=21.5")]
    [InlineData("e115f402", "/9999/0/5620=2")]
    [InlineData("e1157c01", "/9999/0/5500=true")]
    [InlineData("e1157c02", "! The value of /9999/0/5500 is no flag (0 or 1).")]
    [InlineData("e31644414243", "! The value of /9999/0/5700 is no number.")]
    public void Unknown_resources_are_taken_by_their_bytes_and_reusable_ones_by_their_type(string hex, string expected) =>
        Assert.Equal(expected, Read(CoapContentFormat.Lwm2mTlv, "/9999/0", Convert.FromHexString(hex)));

    [Theory]
    [InlineData("/3/0/9", "c10964", "/3/0/9=100%")]
    [InlineData("/3/0/7", "86074100014101" + "05", "/3/0/7/0=1mV /3/0/7/1=5mV")]
    [InlineData("/3/0/7/1", "410105", "/3/0/7/1=5mV")]
    [InlineData("/3/0/9", "c10a64", "! An item of it does not belong to /3/0/9.")]
    [InlineData("/3/0/7/1", "410205", "! An item of it does not belong to /3/0/7/1.")]
    [InlineData("/3/0/7/1", "c10705", "! An item of it does not belong to /3/0/7/1.")]
    [InlineData("/3/1", "0300c10101", "! An item of it does not belong to /3/1.")]
    [InlineData("/3/0", "e1ffff01", "! The id 65535 is reserved.")]
    [InlineData("/3/0", "c8", "! It is no TLV.")]
    public void What_was_not_asked_for_is_no_answer(string path, string hex, string expected) => Assert.Equal(expected, Read(CoapContentFormat.Lwm2mTlv, path, Convert.FromHexString(hex)));

    [Theory]
    [InlineData("/3/0/9", "95", "/3/0/9=95%")]
    [InlineData("/3/0/9", "9.5", "! '9.5' is no whole number.")]
    [InlineData("/3303/0/5700", "21.5", "/3303/0/5700=21.5")]
    [InlineData("/3303/0/5700", "1e400", "! '1e400' is no number.")]
    [InlineData("/3303/0/5700", "NaN", "! 'NaN' is no number.")]
    [InlineData("/3/0/0", "95", "/3/0/0=95")]
    [InlineData("/9999/0/1", "95", "/9999/0/1=95")]
    [InlineData("/9999/0/1", "x", "/9999/0/1=x")]
    [InlineData("/1/0/6", "1", "/1/0/6=true")]
    [InlineData("/1/0/6", "yes", "! 'yes' is no flag (0 or 1).")]
    [InlineData("/1/0/10", "11:0", "/1/0/10=11:0")]
    [InlineData("/1/0/10", "11", "! '11' is no object link (like 66:0).")]
    [InlineData("/6/0/4", "AQI=", "/6/0/4=0102")]
    [InlineData("/3/0", "x", "! The format 0 is not known for /3/0.")]
    public void Plain_text_is_one_value(string path, string text, string expected) => Assert.Equal(expected, Read(CoapContentFormat.Text, path, Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Bytes_are_one_value_and_other_formats_are_none()
    {
        Assert.Equal("/5/0/0=0102", Read(CoapContentFormat.OctetStream, "/5/0/0", [1, 2]));
        Assert.StartsWith("! ", Read(CoapContentFormat.OctetStream, "/5/0", [1, 2]), StringComparison.Ordinal);
        Assert.StartsWith("! ", Read(CoapContentFormat.Cbor, "/5/0/3", [1]), StringComparison.Ordinal);
        Assert.Equal("! It is no UTF-8.", Read(CoapContentFormat.Text, "/3/0/0", [0xff]));
    }

    [Fact]
    public void A_payload_of_too_many_values_is_refused()
    {
        byte[] row = [.. Enumerable.Range(0, 3000).SelectMany(_ => new byte[] { 0xc1, 1, 1 })];
        Assert.Equal("! " + PayloadReader.TooMany, Read(CoapContentFormat.Lwm2mTlv, "/9999/0", row));
        string pack = "[" + string.Join(',', Enumerable.Range(0, 3000).Select(i => $"{{\"n\":\"/9999/0/{i}\",\"v\":1}}")) + "]";
        Assert.Equal("! " + PayloadReader.TooMany, Read(CoapContentFormat.SenmlJson, "/9999/0", Encoding.ASCII.GetBytes(pack)));
    }

    [Fact]
    public void Every_object_with_names_has_types_for_what_can_be_read()
    {
        Assert.Equal([1, 3, 4, 5, 6, 3303], ObjectModels.All.Select(o => o.Id).Order());
        Assert.All(ObjectModels.All.SelectMany(o => o.Resources.Values), r => Assert.Equal(r.Access == "E", r.Type == ResourceType.None));
        Assert.Equal("Battery Level", ObjectModels.Find(Path("/3/0/9"))!.Name);
        Assert.Null(ObjectModels.Find(Path("/3/0")));
        Assert.Equal("Sensor Value", ObjectModels.Find(Path("/3304/0/5700"))!.Name);
    }

    private static readonly Gen<SenmlRecord> s_values =
        from resource in Gen.Choose(6000, 65534)
        from kind in Gen.Elements(SenmlKind.WholeNumber, SenmlKind.Text, SenmlKind.Flag, SenmlKind.Data, SenmlKind.Number)
        from whole in ArbMap.Default.GeneratorFor<long>()
        from text in ArbMap.Default.GeneratorFor<NonNull<string>>()
        from data in ArbMap.Default.GeneratorFor<byte[]>()
        from number in ArbMap.Default.GeneratorFor<NormalFloat>()
        select Make(resource, kind, kind == SenmlKind.WholeNumber ? whole : 0, kind == SenmlKind.Number ? number.Get + 0.0 : whole,
            kind == SenmlKind.Text ? new string([.. text.Get.Where(c => !char.IsSurrogate(c))]) : null, kind == SenmlKind.Data ? data ?? [] : null, (whole & 1) == 1);

    private static SenmlRecord Make(int resource, SenmlKind kind, long whole, double number, string? text, byte[]? data, bool flag) =>
        new() { Name = $"/9999/0/{resource}", Kind = kind, WholeNumber = whole, Number = number, Text = text, Data = data, Flag = flag };

    [Fact]
    public void What_is_written_as_senml_is_read_as_it_was() => Prop.ForAll(s_values.ListOf().ToArbitrary(), records =>
    {
        foreach (int format in (int[])[CoapContentFormat.SenmlJson, CoapContentFormat.SenmlCbor])
        {
            byte[] pack = PayloadWriter.Write(format, Path("/9999"), [.. records]);
            string expected = string.Join(' ', records.Select(DeviceLab.Tell));
            Assert.True(PayloadReader.TryRead(format, Path("/9999/0"), pack, out List<SenmlRecord> read, out string problem), problem);
            Assert.Equal(expected, string.Join(' ', read.Select(DeviceLab.Tell)));
        }
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("/3/0/9", "87")]
    [InlineData("/3303/0/5700", "-3.5")]
    [InlineData("/3/0/0", "a maker")]
    [InlineData("/9999/0/1", "7")]
    public void A_text_that_is_read_has_no_problem(string path, string text)
    {
        Assert.True(PayloadReader.TryRead(CoapContentFormat.Text, Path(path), Encoding.UTF8.GetBytes(text), out List<SenmlRecord> records, out string problem));
        Assert.Single(records);
        Assert.Empty(problem);
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_in_a_sentence() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
    {
        foreach (int format in (int[])[-1, CoapContentFormat.Text, CoapContentFormat.OctetStream, CoapContentFormat.Lwm2mTlv, CoapContentFormat.SenmlJson, CoapContentFormat.SenmlCbor, CoapContentFormat.Cbor])
        {
            foreach (string path in (string[])["/3", "/3/0", "/3/0/9", "/3/0/7/1"])
            {
                bool read = PayloadReader.TryRead(format, Path(path), bytes ?? [], out List<SenmlRecord> records, out string problem);
                Assert.Equal(read, problem.Length == 0);
                // Whatever is taken can be given on.
                if (read)
                    PayloadWriter.WriteSenml(CoapContentFormat.SenmlJson, "", records);
            }
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_damaged_payload_is_read_or_refused_in_a_sentence()
    {
        byte[] tlv = Convert.FromHexString(DeviceTlv);
        byte[] json = Encoding.ASCII.GetBytes("[{\"bn\":\"/3/0/\",\"n\":\"9\",\"v\":95,\"t\":-5},{\"n\":\"13\",\"v\":1367491215},{\"n\":\"14\",\"vs\":\"+02:00\"},{\"n\":\"22/0\",\"vlo\":\"4:0\"}]");
        var chance = new Random(11);
        foreach ((int format, byte[] whole) in ((int, byte[])[])[(CoapContentFormat.Lwm2mTlv, tlv), (CoapContentFormat.SenmlJson, json)])
        {
            Assert.DoesNotContain("!", Read(format, "/3/0", whole), StringComparison.Ordinal);
            for (int i = 0; i < 3000; i++)
            {
                byte[] damaged = [.. whole];
                damaged[chance.Next(damaged.Length)] = (byte)chance.Next(256);
                Array.Resize(ref damaged, chance.Next(damaged.Length + 1));
                if (PayloadReader.TryRead(format, Path("/3/0"), damaged, out List<SenmlRecord> records, out _))
                    PayloadWriter.WriteSenml(CoapContentFormat.SenmlJson, "", records);
            }
        }
    }
}
