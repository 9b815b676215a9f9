using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Shared;

namespace IotPsk.Keys.Tests;

public class Rfc9258Tests
{
    private static readonly JsonDocument Vectors =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", "rfc9258.json")));

    public static TheoryData<string> Names
    {
        get
        {
            var names = new TheoryData<string> { "psk_ke_full_handshake" };
            foreach (var vector in Vectors.RootElement.GetProperty("vectors").EnumerateArray())
                names.Add(vector.GetProperty("name").GetString()!);
            return names;
        }
    }

    [Fact]
    public void All_25_captured_client_hellos_are_there()
    {
        Assert.Equal(25, Vectors.RootElement.GetProperty("vectors").GetArrayLength());
        Assert.Equal(26, Names.Count);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Identity_epskx_and_ipskx_are_those_of_the_captured_handshake(string name)
    {
        var vector = Find(name);
        var hash = vector.GetProperty("epsk_hash").GetString() == "sha384" ? PskHash.Sha384 : PskHash.Sha256;
        var identity = new ImportedIdentity(
            Bytes(vector, "external_identity"), Bytes(vector, "context"), Number(vector, "target_protocol"), Number(vector, "target_kdf")).Encode();
        Assert.Equal(Bytes(vector, "imported_identity"), identity);

        var identityHash = new byte[48];
        Assert.Equal(Bytes(vector, "hash_imported_identity"), identityHash[..Rfc9258.HashIdentity(identity, hash, identityHash)]);

        var epskx = new byte[hash == PskHash.Sha384 ? 48 : 32];
        Rfc9258.Extract(Bytes(vector, "epsk"), hash, epskx);
        Assert.Equal(Bytes(vector, "epskx"), epskx);

        var ipskx = new byte[Rfc9258.KeySize(Number(vector, "target_kdf"))];
        Rfc9258.Import(Bytes(vector, "epsk"), hash, identity, ipskx);
        Assert.Equal(Bytes(vector, "ipskx"), ipskx);
    }

    [Fact]
    public void A_tpm_that_holds_epskx_can_do_the_expand_step_with_one_hmac()
    {
        var vector = Find("psk_ke_full_handshake");
        var label = new List<byte> { 0, 32, 17 };
        label.AddRange("tls13 derived psk"u8);
        label.Add(32);
        label.AddRange(Bytes(vector, "hash_imported_identity"));
        label.Add(1);

        Assert.Equal(54, label.Count);
        Assert.Equal(Bytes(vector, "ipskx"), HMACSHA256.HashData(Bytes(vector, "epskx"), label.ToArray()));
    }

    [Theory]
    [InlineData("000161000003030001", 32)] // TLS 1.2 as target: RFC 9258 s5.1 forbids it
    [InlineData("000161000003040000", 32)] // reserved KDF
    [InlineData("000161000003040003", 32)] // unknown KDF
    [InlineData("000161000003040002", 32)] // length of another KDF
    [InlineData("0001610000030400", 32)] // cut off
    [InlineData("", 32)]
    public void Unknown_targets_and_lengths_are_refused(string identity, int length) =>
        Assert.Throws<ArgumentException>(
            () => Rfc9258.Import(new byte[32], PskHash.Sha256, Convert.FromHexString(identity), new byte[length]));

    [Fact]
    public void Every_field_of_the_identity_changes_the_key() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<NonEmptyArray<byte>>(),
            ArbMap.Default.ArbFor<byte[]>(),
            ArbMap.Default.ArbFor<PositiveInt>(),
            (external, context, at) =>
            {
                var identity = new ImportedIdentity(external.Get, context ?? [], Rfc9258.Tls13, Rfc9258.HkdfSha256).Encode();
                var changed = (byte[])identity.Clone();
                // The last four bytes are the target, whose values are an enumeration.
                changed[at.Get % (changed.Length - 4)] ^= 1;
                return !Import(identity).AsSpan().SequenceEqual(Import(changed));
            }).QuickCheckThrowOnFailure();

    private static byte[] Import(byte[] identity)
    {
        var key = new byte[32];
        Rfc9258.Import(new byte[32], PskHash.Sha256, identity, key);
        return key;
    }

    private static JsonElement Find(string name) => Vectors.RootElement.TryGetProperty(name, out var single)
        ? single
        : Vectors.RootElement.GetProperty("vectors").EnumerateArray().Single(vector => vector.GetProperty("name").GetString() == name);

    private static byte[] Bytes(JsonElement vector, string field) => Convert.FromHexString(vector.GetProperty(field).GetString()!);

    private static int Number(JsonElement vector, string field) =>
        int.Parse(vector.GetProperty(field).GetString()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
