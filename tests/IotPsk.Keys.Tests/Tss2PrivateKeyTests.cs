using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Keys.Tests;

public sealed class Tss2PrivateKeyTests
{
    // SEQUENCE { OID 2.23.133.10.1.3 ...
    private static readonly byte[] LoadableKey = [0x06, 0x06, 0x67, 0x81, 0x05, 0x0a, 0x01, 0x03];
    private static readonly byte[] Parent = [0x02, 0x05, 0x00, 0x81, 0x00, 0x00, 0x01];
    private static readonly byte[] Blob = [0x04, 0x03, 0x00, 0x01, 0x07];

    [Fact]
    public void What_is_written_is_read() => Prop.ForAll<byte[], byte[], uint>((left, right, parent) =>
    {
        foreach (bool? empty in (bool?[])[null, false, true])
        {
            var key = new Tss2PrivateKey(parent, TpmWire.Sized([1, .. left ?? []]), TpmWire.Sized([2, .. right ?? []]), empty);
            var read = Tss2PrivateKey.Read(key.Write(), "x");
            Assert.Equal((key.Parent, key.EmptyAuth), (read.Parent, read.EmptyAuth));
            Assert.Equal(key.Public, read.Public);
            Assert.Equal(key.Private, read.Private);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_changed_byte_is_read_or_refused_in_words()
    {
        byte[] good = [.. LoadableKey, 0xa0, 0x03, 0x01, 0x01, 0xff, .. Parent, .. Blob, .. Blob];
        for (var at = 0; at < good.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = (byte[])good.Clone();
                changed[at] ^= (byte)(1 << bit);
                var failure = Record.Exception(() => Tss2PrivateKey.Read(Pem(changed), "x.pem"));
                Assert.True(failure is null or DeviceKeyException, $"{at}/{bit}: {failure}");
            }
        }
    }

    [Fact]
    public void Handle_whose_highest_bit_became_a_sign_is_the_handle() =>
        Assert.Equal(0x81000001u, Tss2PrivateKey.Read(Pem([.. LoadableKey, 0x02, 0x04, 0x81, 0x00, 0x00, 0x01, .. Blob, .. Blob]), "x").Parent);

    [Theory]
    [InlineData("a1023000", "policy")]
    [InlineData("a2040402aabb", "imported")]
    [InlineData("a3023000", "policy")]
    [InlineData("a4023000", "not known")]
    public void Parts_that_are_not_supported_are_named(string part, string words)
    {
        var e = Assert.Throws<DeviceKeyException>(() => Tss2PrivateKey.Read(Pem([.. LoadableKey, .. Convert.FromHexString(part), .. Parent, .. Blob, .. Blob]), "x.pem"));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Contains("x.pem", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Importable_key_is_told_from_a_loadable_one()
    {
        byte[] importable = [.. LoadableKey[..^1], 0x04];
        Assert.Contains("tpm2_import", Assert.Throws<DeviceKeyException>(() => Tss2PrivateKey.Read(Pem([.. importable, .. Parent, .. Blob, .. Blob]), "x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----")]
    public void Other_files_are_refused(string text) => Assert.Throws<DeviceKeyException>(() => Tss2PrivateKey.Read(text, "x"));

    [Fact]
    public void Blob_whose_length_is_a_lie_is_refused() =>
        Assert.Contains("another length", Assert.Throws<DeviceKeyException>(() => Tss2PrivateKey.Read(Pem([.. LoadableKey, .. Parent, 0x04, 0x03, 0x00, 0x02, 0x07, .. Blob]), "x")).Message, StringComparison.Ordinal);

    [Fact]
    public void Weak_keys_are_refused_and_printable_ones_warned_about()
    {
        Assert.Contains("16 at least", Assert.Throws<DeviceKeyException>(() => KeyStrength.Check(new byte[15], "k")).Message, StringComparison.Ordinal);
        Assert.Contains("repeated", Assert.Throws<DeviceKeyException>(() => KeyStrength.Check(new byte[32], "k")).Message, StringComparison.Ordinal);
        Assert.Throws<DeviceKeyException>(() => KeyStrength.Check(new byte[257], "k"));
        Assert.Contains("RFC 9257", KeyStrength.Check("change this password to a secret"u8, "k"), StringComparison.Ordinal);
        Assert.Contains("hexadecimal", KeyStrength.Check("00112233445566778899aabbccddeeff\n"u8, "k"), StringComparison.Ordinal);
        Assert.Null(KeyStrength.Check([0x80, .. "change this password to a secret"u8], "k"));
    }

    private static string Pem(byte[] content) =>
        System.Security.Cryptography.PemEncoding.WriteString("TSS2 PRIVATE KEY", [0x30, (byte)content.Length, .. content]);
}
