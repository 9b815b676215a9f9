using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class CredentialBundleTests
{
    [Fact]
    public void A_bundle_is_this_cbor()
    {
        CredentialBundle bundle = Samples.Bundle();
        bundle.TlsAddress = "h:1";
        bundle.DtlsAddress = "h:2";
        string identity = "000a" + Hex("sensor-1~1") + "000f" + "08" + Hex("sensor-1") + "05" + Hex("plant") + "03040001";
        string expected = "ac" + "0101" + "0268" + Hex("sensor-1") + "0365" + Hex("plant") + "0463" + Hex("h:1") + "0563" + Hex("h:2")
            + "065821" + identity
            + "075820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            + "084a" + Hex("sensor-1~1")
            + "0958201f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"
            + "0a190400" + "0bf5" + "0c01";
        Assert.Equal(expected, Convert.ToHexString(bundle.Encode()), ignoreCase: true);
    }

    [Fact]
    public void A_bundle_survives_writing_and_reading() =>
        Prop.ForAll(Arb.From(Samples.Bundles), bundle =>
        {
            byte[] wire = bundle.Encode();
            byte[] within = [7, .. wire, 7];
            CredentialBundle read = CredentialBundle.Decode(within, 1, wire.Length);
            return read.DeviceId == bundle.DeviceId && read.ServerId == bundle.ServerId && read.TlsAddress == bundle.TlsAddress
                && read.DtlsAddress == bundle.DtlsAddress && Same(read.Tls13Identity, bundle.Tls13Identity)
                && Same(read.Tls13Key, bundle.Tls13Key) && Same(read.Tls12Identity, bundle.Tls12Identity)
                && Same(read.Tls12Key, bundle.Tls12Key) && read.RecordSizeLimit == bundle.RecordSizeLimit
                && read.UseConnectionId == bundle.UseConnectionId && read.Epoch == bundle.Epoch;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Clear_zeroes_the_keys_and_leaves_the_public_part()
    {
        CredentialBundle bundle = Samples.Bundle();
        byte[] key13 = bundle.Tls13Key, key12 = bundle.Tls12Key;
        bundle.Clear();
        Assert.All(key13, b => Assert.Equal(0, b));
        Assert.All(key12, b => Assert.Equal(0, b));
        byte[] wire = bundle.Encode();
        CredentialBundle read = CredentialBundle.Decode(wire, 0, wire.Length);
        Assert.Null(read.Tls13Key);
        Assert.Null(read.Tls12Key);
        Assert.Equal("sensor-1", read.DeviceId);
        Assert.NotNull(read.Tls12Identity);
    }

    [Fact]
    public void What_is_read_is_what_would_be_written_or_a_format_error() =>
        Prop.ForAll(Arb.From(
                from bundle in Samples.Bundles
                from at in Gen.Choose(0, 4000)
                from value in Gen.Choose(0, 255)
                from kind in Gen.Choose(0, 3)
                select Mutate(bundle.Encode(), at, (byte)value, kind)),
            wire =>
            {
                try
                {
                    return CredentialBundle.Decode(wire, 0, wire.Length).Encode().SequenceEqual(wire);
                }
                catch (FormatException problem)
                {
                    return problem.Message.Contains("bundle", StringComparison.Ordinal);
                }
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_bundle_cut_anywhere_is_refused()
    {
        byte[] wire = Samples.Bundle().Encode();
        for (int n = 0; n < wire.Length; n++)
        {
            Assert.Throws<FormatException>(() => CredentialBundle.Decode(wire, 0, n));
        }
    }

    [Fact]
    public void Unknown_keys_are_skipped_from_64_on_and_refused_below()
    {
        byte[] wire = Samples.Bundle().Encode();
        byte[] later = [0xad, .. wire[1..], 0x18, 64, 0x82, 0xf6, 0xa1, 0x01, 0xc1, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal("sensor-1", CredentialBundle.Decode(later, 0, later.Length).DeviceId);
        byte[] wide = [0xad, .. wire[1..], 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
        Assert.Equal("sensor-1", CredentialBundle.Decode(wide, 0, wide.Length).DeviceId);
        byte[] early = [0xad, .. wire[1..], 0x18, 63, 0x00];
        Assert.Contains("field 63", Refusal(early), StringComparison.Ordinal);
        byte[] deep = [0xad, .. wire[1..], 0x18, 64, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00];
        Assert.Contains("field 64", Refusal(deep), StringComparison.Ordinal);
        byte[] promised = [0xad, .. wire[1..], 0x18, 64, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        Assert.Contains("field 64", Refusal(promised), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a0")]
    [InlineData("bf")]
    [InlineData("80")]
    [InlineData("")]
    [InlineData("a10101")]
    [InlineData("a2010101")]
    [InlineData("a118010101")]
    [InlineData("bb7fffffffffffffff01")]
    public void What_is_no_bundle_is_refused(string hex) => Assert.NotEmpty(Refusal(Convert.FromHexString(hex)));

    [Fact]
    public void A_bundle_of_more_than_2048_bytes_is_refused()
    {
        byte[] wire = Samples.Bundle().Encode();
        byte[] large = [0xad, .. wire[1..], 0x18, 64, 0x59, 0x08, 0x00, .. new byte[2048]];
        Assert.Contains("not a credential bundle", Refusal(large), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(12)]
    public void A_wrong_field_is_named(int field)
    {
        foreach (CredentialBundle bundle in WithWrong(field))
        {
            Assert.StartsWith($"bundle field {field}:", bundle.FindProblem(), StringComparison.Ordinal);
            var problem = Assert.Throws<InvalidOperationException>(() => bundle.Encode());
            Assert.StartsWith($"bundle field {field}:", problem.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(12)]
    public void A_missing_field_is_named(int field)
    {
        byte[] wire = Samples.Bundle().Encode();
        var reader = new CborReader(wire, 0, wire.Length);
        Assert.True(reader.TryReadMap(out int entries));
        var kept = new List<byte> { (byte)(0xa0 | (entries - 1)) };
        for (int i = 0; i < entries; i++)
        {
            int start = wire.Length - reader.Remaining;
            Assert.True(reader.TryReadUInt(out int key) && reader.TrySkip());
            if (key != field)
            {
                kept.AddRange(wire[start..^reader.Remaining]);
            }
        }

        Assert.StartsWith($"bundle field {field}:", Refusal([.. kept]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(28)]
    public void A_bundle_of_session_mode_has_one_key_and_comes_back_as_it_was(int randoms)
    {
        CredentialBundle bundle = SessionBundle();
        bundle.SessionRandoms = randoms;
        byte[] wire = bundle.Encode();

        CredentialBundle read = CredentialBundle.Decode(wire, 0, wire.Length);

        Assert.Equal((randoms, "sensor-1~s", 0), (read.SessionRandoms, Encoding.ASCII.GetString(read.Tls12Identity), read.Epoch));
        Assert.Equal(bundle.Tls12Key, read.Tls12Key);
        Assert.Null(read.Tls13Identity);
        Assert.Equal(wire, read.Encode());
        read.Clear();
        byte[] open = read.Encode();
        Assert.Equal(randoms, CredentialBundle.Decode(open, 0, open.Length).SessionRandoms);
    }

    [Fact]
    public void A_bundle_of_session_mode_with_anything_else_in_it_is_refused()
    {
        (int Field, Action<CredentialBundle> Change)[] changes =
        [
            (6, b => b.Tls13Identity = Samples.Bundle().Tls13Identity), (7, b => b.Tls13Key = new byte[32]),
            (8, b => b.Tls12Identity = null!), (8, b => b.Tls12Identity = "sensor-1~1"u8.ToArray()), (8, b => b.Tls12Identity = "sensor-2~s"u8.ToArray()),
            (9, b => b.Tls12Key = new byte[31]), (12, b => b.Epoch = 1), (13, b => b.SessionRandoms = 30), (13, b => b.SessionRandoms = -1), (10, b => b.RecordSizeLimit = 1),
        ];
        foreach ((int field, Action<CredentialBundle> change) in changes)
        {
            CredentialBundle bundle = SessionBundle();
            change(bundle);
            Assert.StartsWith($"bundle field {field}:", bundle.FindProblem(), StringComparison.Ordinal);
        }

        byte[] wire = SessionBundle().Encode();
        Assert.Equal([0x0d, 0x18, 32], wire[^3..]);
        Assert.Contains("field 13", Refusal([.. wire[..^1], 31]), StringComparison.Ordinal);
        Assert.Contains("field 13", Refusal([.. wire[..^2], 0]), StringComparison.Ordinal);
    }

    private static CredentialBundle SessionBundle() => new()
    {
        DeviceId = "sensor-1",
        ServerId = "plant",
        TlsAddress = "gateway.example:8883",
        DtlsAddress = "gateway.example:5684",
        Tls12Identity = "sensor-1~s"u8.ToArray(),
        Tls12Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)],
        RecordSizeLimit = 1024,
        SessionRandoms = 32,
    };

    private static IEnumerable<CredentialBundle> WithWrong(int field)
    {
        Action<CredentialBundle>[] changes = field switch
        {
            2 => [b => b.DeviceId = "a/b", b => b.DeviceId = null!, b => b.DeviceId = new string('a', 65)],
            3 => [b => b.ServerId = "", b => b.ServerId = null!, b => b.ServerId = new string('a', 256), b => b.ServerId = "ä"],
            4 => [b => b.TlsAddress = null!, b => b.TlsAddress = "host", b => b.TlsAddress = ":1", b => b.TlsAddress = "h:0",
                b => b.TlsAddress = "h:65536", b => b.TlsAddress = "h:01", b => b.TlsAddress = "h h:1", b => b.TlsAddress = "h:1x",
                b => b.TlsAddress = new string('h', 260) + ":1", b => b.TlsAddress = "h:"],
            5 => [b => b.DtlsAddress = "", b => b.DtlsAddress = "h"],
            6 => [b => b.Tls13Identity = null!, b => b.Tls13Identity = [1, 2, 3],
                b => b.Tls13Identity = Samples.Identity("sensor-2", "plant", 1),
                b => b.Tls13Identity = Samples.Identity("sensor-1", "other", 1),
                b => b.Tls13Identity = Samples.Identity("sensor-1", "plant", 2),
                b => b.Tls13Identity = Samples.Identity("sensor-1", "plant", 1, ImportedIdentity.Dtls13),
                b => b.Tls13Identity = Samples.Identity("sensor-1", "plant", 1, ImportedIdentity.Tls13, ImportedIdentity.HkdfSha384)],
            7 => [b => b.Tls13Key = new byte[31], b => b.Tls13Key = new byte[33], b => b.Tls13Key = null!],
            8 => [b => b.Tls12Identity = [], b => b.Tls12Identity = new byte[129], b => b.Tls12Identity = null!],
            9 => [b => b.Tls12Key = new byte[31], b => b.Tls12Key = null!],
            10 => [b => b.RecordSizeLimit = 63, b => b.RecordSizeLimit = 16386],
            _ => [b => b.Epoch = -1, b => b.Epoch = 1000000000],
        };
        foreach (Action<CredentialBundle> change in changes)
        {
            CredentialBundle bundle = Samples.Bundle();
            change(bundle);
            yield return bundle;
        }
    }

    private static string Refusal(byte[] wire) =>
        Assert.Throws<FormatException>(() => CredentialBundle.Decode(wire, 0, wire.Length)).Message;

    private static byte[] Mutate(byte[] wire, int at, byte value, int kind)
    {
        at %= wire.Length;
        return kind switch
        {
            0 => [.. wire[..at], value, .. wire[(at + 1)..]],
            1 => [.. wire[..at], value, .. wire[at..]],
            2 => [.. wire[..at], .. wire[(at + 1)..]],
            _ => [.. wire[..at], (byte)(wire[at] ^ (1 << (value & 7))), .. wire[(at + 1)..]],
        };
    }

    private static bool Same(byte[]? a, byte[]? b) => a == null ? b == null : b != null && a.SequenceEqual(b);

    private static string Hex(string text) => Convert.ToHexString(Encoding.ASCII.GetBytes(text)).ToLowerInvariant();
}
