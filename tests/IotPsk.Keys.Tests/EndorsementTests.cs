using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>Another gateway's TPM proves to be one, and that its storage key is in it: certificates of a vendor of ours, keys made by tpm2-tools.</summary>
public sealed class EndorsementTests : IDisposable
{
    private static readonly FakeTimeProvider Time = new();
    private readonly Swtpm _a = new();
    private readonly Swtpm _b = new();
    private readonly TempDirectory _directory = new();
    private readonly EndorsementAuthority _vendor = new("vendor");

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["a"]);

    private EndorsementChain Trusted => EndorsementChain.FromPem(_vendor.Pem, "vendor.pem");

    public void Dispose()
    {
        _vendor.Dispose();
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("ecc")]
    [InlineData("rsa")]
    public void Certified_tpm_proves_its_storage_key_by_a_challenge(string type)
    {
        _vendor.Certify(_b, type, _directory);
        var parent = Show(_b);
        var proof = new PartnerChallenge(State, parent);

        var (challenge, certifiedBy) = Ask(parent);
        Assert.Contains("CN=vendor intermediate", certifiedBy, StringComparison.Ordinal);
        Assert.Null(proof.ProvedBy);
        proof.Prove(Answer(_b, challenge), "answer");

        Assert.Equal(certifiedBy, proof.ProvedBy);
        Assert.Null(new PartnerChallenge(State, Show(_a)).ProvedBy);
        Assert.Equal("", _b.Tool("tpm2_getcap", "handles-transient").Trim());
        Assert.Equal("", _b.Tool("tpm2_getcap", "handles-loaded-session").Trim());
    }

    [Fact]
    public void Chain_that_does_not_lead_to_whom_the_operator_trusts_is_refused()
    {
        _vendor.Certify(_b, "ecc", _directory);
        using var other = new EndorsementAuthority("other");

        Assert.Contains("does not lead to a root in other.pem", Refused(EndorsementChain.FromPem(other.Pem, "other.pem")), StringComparison.Ordinal);
        Assert.Contains("CN=vendor intermediate", Refused(EndorsementChain.FromPem(other.Pem + _vendor.IntermediatePem, "other.pem")), StringComparison.Ordinal);
        Assert.Contains("no root certificate", Assert.Throws<DeviceKeyException>(() => EndorsementChain.FromPem(_vendor.IntermediatePem, "x")).Message, StringComparison.Ordinal);
        Assert.Contains("no root certificate", Assert.Throws<DeviceKeyException>(() => EndorsementChain.FromPem("", "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Certificate_that_expired_is_refused()
    {
        _vendor.Certify(_b, "ecc", _directory, until: new DateTimeOffset(2021, 1, 1, 0, 0, 0, TimeSpan.Zero));

        Assert.Contains("valid from 2020-01-01 to 2021-01-01", Refused(Trusted), StringComparison.Ordinal);
    }

    [Fact]
    public void Certificate_of_anything_but_an_endorsement_key_is_refused()
    {
        _vendor.Certify(_b, "ecc", _directory, usage: "1.3.6.1.5.5.7.3.2");

        Assert.Contains("none of an endorsement key", Refused(Trusted), StringComparison.Ordinal);
    }

    [Fact]
    public void Certificate_of_another_tpm_is_refused()
    {
        _vendor.Certify(_b, "ecc", _directory, keyOf: _a);

        Assert.Contains("put together from two TPMs", Refused(Trusted), StringComparison.Ordinal);
    }

    [Fact]
    public void Endorsement_key_with_other_attributes_than_the_templates_is_refused()
    {
        _vendor.Certify(_b, "ecc", _directory);
        var file = JsonNode.Parse(Show(_b).Write())!;
        var wire = Convert.FromBase64String((string)file["endorsementPublic"]!);
        wire[9] ^= 0x02;                                    // no longer fixedTPM
        file["endorsementPublic"] = Convert.ToBase64String(wire);

        Assert.Contains("of no kind", Refused(Trusted, StorageParent.Read(Encoding.ASCII.GetBytes(file.ToJsonString()), "b.srk")), StringComparison.Ordinal);
    }

    [Fact]
    public void Storage_key_that_is_not_in_the_certified_tpm_is_not_proved_by_it()
    {
        _vendor.Certify(_b, "ecc", _directory);
        // The attacker's own storage key beside the certificate of a real TPM that he has too.
        var mixed = JsonNode.Parse(Show(_b).Write())!;
        mixed["public"] = Convert.ToBase64String(Show(_a).Wire);
        var parent = StorageParent.Read(Encoding.ASCII.GetBytes(mixed.ToJsonString()), "mixed");
        var (challenge, _) = Ask(parent);

        Assert.Contains("asks for the storage key", Assert.Throws<TpmException>(() => Answer(_b, challenge)).Message, StringComparison.Ordinal);
        var own = challenge.Replace(parent.Fingerprint, Show(_b).Fingerprint, StringComparison.Ordinal);
        var e = Assert.Throws<TpmException>(() => Answer(_b, own));
        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.NotEqual(0u, e.ResponseCode);                // the TPM itself says so
    }

    [Fact]
    public void Challenge_is_opened_by_no_other_tpm()
    {
        _vendor.Certify(_b, "rsa", _directory);
        _vendor.Certify(_a, "rsa", _directory);
        var (challenge, _) = Ask(Show(_b));
        var forged = challenge.Replace(Show(_b).Fingerprint, Show(_a).Fingerprint, StringComparison.Ordinal);

        Assert.Contains("endorsement key of another TPM", Assert.Throws<TpmException>(() => Answer(_a, forged)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Answer_counts_once_and_for_the_last_challenge_of_its_storage_key_alone()
    {
        _vendor.Certify(_b, "ecc", _directory);
        var parent = Show(_b);
        var proof = new PartnerChallenge(State, parent);
        var early = Answer(_b, Ask(parent).Challenge);
        var late = Answer(_b, Ask(parent).Challenge);

        Assert.Contains("earlier challenge", Assert.Throws<DeviceKeyException>(() => proof.Prove(early, "answer")).Message, StringComparison.Ordinal);
        Assert.Contains("speaks for", Assert.Throws<DeviceKeyException>(() => new PartnerChallenge(State, Show(_a)).Prove(late, "answer")).Message, StringComparison.Ordinal);
        var elsewhere = new PartnerChallenge(StateDirectory.OpenOrCreate(_directory["elsewhere"]), parent);
        Assert.Contains("was asked nothing", Assert.Throws<DeviceKeyException>(() => elsewhere.Prove(late, "answer")).Message, StringComparison.Ordinal);
        proof.Prove(late, "answer");
        Assert.Contains("counts once", Assert.Throws<DeviceKeyException>(() => proof.Prove(late, "answer")).Message, StringComparison.Ordinal);
        // Asked anew, it is not proved any longer.
        Ask(parent);
        Assert.Null(proof.ProvedBy);
        Assert.Contains("earlier challenge", Assert.Throws<DeviceKeyException>(() => proof.Prove(late, "answer")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tpm_without_a_certificate_says_so()
    {
        Assert.False(Show(_b).HasCertificate);
        Assert.Contains("--fingerprint", Refused(Trusted), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("{\"iotpskChallenge\":2,\"iotpskAnswer\":2}")]
    [InlineData("{\"iotpskChallenge\":1,\"storageKey\":\"00\",\"endorsementPublic\":\"AAA=\",\"iotpskAnswer\":1,\"value\":\"zz\"}")]
    public void Damaged_files_are_refused_in_words(string json)
    {
        using var tpm = new EsysTpm(_b.Tcti);

        Assert.Contains("damaged", Assert.Throws<DeviceKeyException>(() => PartnerChallenge.Answer(tpm, json, "challenge")).Message, StringComparison.Ordinal);
        Assert.Contains("damaged", Assert.Throws<DeviceKeyException>(() => new PartnerChallenge(State, Show(_b)).Prove(json, "answer")).Message, StringComparison.Ordinal);
        Assert.Throws<DeviceKeyException>(() => StorageParent.Read(Encoding.UTF8.GetBytes(json), "srk"));
    }

    [Fact]
    public void Certificate_that_is_garbage_is_refused_in_words()
    {
        _b.Tool("tpm2_nvdefine", "0x1c0000a", "-C", "o", "-s", "700", "-a", "ownerread|authread|ownerwrite|no_da");
        File.WriteAllBytes(_directory["garbage"], Enumerable.Repeat((byte)0xff, 700).ToArray());
        _b.Tool("tpm2_nvwrite", "0x1c0000a", "-C", "o", "-i", _directory["garbage"]);

        Assert.Contains("cannot be read", Refused(Trusted), StringComparison.Ordinal);
    }

    private string Refused(EndorsementChain trusted, StorageParent? parent = null) =>
        Assert.Throws<DeviceKeyException>(() => Ask(parent ?? Show(_b), trusted)).Message;

    /// <summary>As it reaches the other gateway: through the file.</summary>
    private static StorageParent Show(Swtpm swtpm)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return StorageParent.Read(Encoding.ASCII.GetBytes(StorageParent.Of(tpm).Write()), "srk");
    }

    private (string Challenge, string CertifiedBy) Ask(StorageParent parent, EndorsementChain? trusted = null)
    {
        using var tpm = new EsysTpm(_a.Tcti);
        return new PartnerChallenge(State, parent).Ask(tpm, trusted ?? Trusted, "b.srk", Time);
    }

    private static string Answer(Swtpm swtpm, string challenge)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return PartnerChallenge.Answer(tpm, challenge, "challenge");
    }
}
