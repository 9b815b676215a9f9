using IotPsk.Tls.Crypto;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>Values computed apart from this engine: the PRF vector that was published on the TLS list, the rest by a few lines of Python (hmac, cryptography).</summary>
public class Tls12KnownAnswerTests
{
    private static readonly byte[] Psk = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Randoms = [.. Enumerable.Repeat((byte)1, 32), .. Enumerable.Repeat((byte)2, 32)];
    private static readonly byte[] SessionHash = [.. Enumerable.Repeat((byte)3, 32)];
    private static readonly byte[] Shared = [.. Enumerable.Repeat((byte)4, 32)];

    private const string PlainMaster = "aac597d6d0675b66c6faa848cbb249166cb02d2c9744d89dfa4e21895734a3379743e2e5dfd49e0c16ebcccb4885257f";
    private const string EcdheMaster = "2ba2e3265b35d95857224ce3a05272de33d42506a9d452e91fec49f8339a8abf70d2d29f5daeafb7db4cc9f0625b6fc8";

    [Fact]
    public void The_PRF_gives_the_published_output()
    {
        byte[] output = new byte[100];
        Prf.Expand(
            CryptoProvider.Default, Convert.FromHexString("9bbe436ba940f017b17652849a71db35"), "test label"u8, Convert.FromHexString("a0ba9f936cda311827a6f796ffd5198c"), default, output);
        Assert.Equal(
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789ba" +
            "a48082d122ee42c5a72e5a5110fff70187347b66",
            Convert.ToHexStringLower(output));
    }

    [Theory]
    [InlineData(false, true, PlainMaster)]
    [InlineData(false, false, "09d10a12c80775b2b70ca58253bbb995cfefc4c821f4dec38a5440e2bdcec944f65e22985e9ba6f1858c78c8b01cd4ef")]
    [InlineData(true, true, EcdheMaster)]
    [InlineData(true, false, "276bcdd5d80bfab556b847cfdc3992f3a40e0bb24e23782ba18cc6597cbf4573667e8fc309f69483adc2006eed5ac7b9")]
    public void The_master_secret_is_made_of_all_it_should(bool ecdhe, bool extended, string expected)
    {
        using MasterSecret master = Master(ecdhe, extended);
        Assert.Equal(expected, Convert.ToHexStringLower(master.Bytes));
    }

    [Theory]
    [InlineData(
        false, "42865317d6e10e202f68c28f75144e69da167512c56d49ec79dac5247bd90473a182ba17e1f8f543c03d74c3eebd7e4aea99bebd5f27cf93381dedcef50bf966ea79e6a83a03d91879bd1466080720e215a461fcea495ec7",
        "9b44ba889dce0a9007e86d49", "96f79439a5432901dd0d6f20", "3acded58c6c8973c977763ec6cff3917a0a8bd73", "bc54516866bc5c0e19b0a809860fc72773d9277c")]
    [InlineData(
        true, "c5018ce0e0c72343b8b6d114ae5a2c3ef08e8936b398ce4002a15f4897dcb6badff912e91e479c8194fb4ef7c35eb83751294388395be6604df1b1e0fea685679e8d701e174cfb6fad38177e41343d228db6c54d7d111672",
        "93c73d07bf50748aa0c086fa", "5cfb3f3e165665bf1aff775f", "5b6400f113b035313e8b5852dd2185273e07832c", "ef7a77919d688a30317f9f3cd8d1384cd7947efd")]
    public void What_is_derived_from_it_is_right(bool ecdhe, string keyBlock, string clientFinished, string serverFinished, string exported, string exportedWithContext)
    {
        using MasterSecret master = Master(ecdhe, extended: true);
        byte[] block = new byte[88];
        byte[] client = new byte[12], server = new byte[12], value = new byte[20];
        master.ExpandKeyBlock(Randoms, block);
        master.ComputeFinished(ofClient: true, SessionHash, client);
        master.ComputeFinished(ofClient: false, SessionHash, server);
        Assert.Equal((keyBlock, clientFinished, serverFinished), (Convert.ToHexStringLower(block), Convert.ToHexStringLower(client), Convert.ToHexStringLower(server)));
        master.Export(CryptoProvider.Default, "EXPERIMENTAL x"u8, Randoms, default, value);
        Assert.Equal(exported, Convert.ToHexStringLower(value));
        master.Export(CryptoProvider.Default, "EXPERIMENTAL x"u8, Randoms, "abc"u8, value);
        Assert.Equal(exportedWithContext, Convert.ToHexStringLower(value));
    }

    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, 0, "0000000000000000156324cff4bafa23bc43896c51751d6c6b45d409a5")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, 5, "00000000000000059c5bd3c21b969ba7ab61d0624b98635e507006b16d")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM, 0, "000000000000000071c1e43c61424ac036c54ba0a47eb252be9ab639f0")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM, 5, "0000000000000005b105b4ec16427cab93bcd00f6044af57110cb4b006")]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, 5, "0000000000000005b105b4ec160a05a878ee2205d8")]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, 0, "9d7a96e6a921a78b863fdafb74a949f9fe3a0b505b")]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, 5, "07e5abd79a48de9547bf1018914a3182a1331720aa")]
    public void A_record_is_protected_as_its_suite_says(CipherSuite suite, ulong sequence, string expected)
    {
        Assert.True(Tls12Suite.TryGet(suite, out Tls12Suite? row));
        using MasterSecret master = Master(ecdhe: false, extended: true);
        byte[] block = new byte[2 * (row.KeyLength + row.FixedIvLength)];
        master.ExpandKeyBlock(Randoms, block);
        using var keys = new Tls12Protection(CryptoProvider.Default, row, block.AsSpan(0, row.KeyLength), block.AsSpan(2 * row.KeyLength, row.FixedIvLength)) { Sequence = sequence };
        byte[] record = new byte[5 + keys.Overhead];
        Assert.Equal(record.Length, keys.Seal(ContentType.ApplicationData, "hello"u8, record));
        Assert.Equal($"170303{(expected.Length / 2):x4}{expected}", Convert.ToHexStringLower(record));
        keys.Sequence = sequence;
        byte[] plaintext = new byte[5];
        Assert.True(keys.TryOpen(record, plaintext));
        Assert.Equal("hello"u8.ToArray(), plaintext);
    }

    private static MasterSecret Master(bool ecdhe, bool extended) =>
        MasterSecret.Derive(CryptoProvider.Default, Psk, ecdhe ? Shared : default, extended ? SessionHash : default, Randoms);
}
