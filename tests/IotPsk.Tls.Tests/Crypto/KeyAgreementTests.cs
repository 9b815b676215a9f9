using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tests.Crypto;

public abstract class KeyAgreementTests
{
    private protected abstract CryptoProvider Crypto { get; }

    [Fact]
    public void P256_agrees_with_the_base_library()
    {
        using ECDiffieHellman other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ECParameters point = other.ExportParameters(false);
        using KeyAgreement own = Crypto.CreateKeyAgreement(NamedGroup.Secp256r1);
        byte[] share = new byte[65];
        own.WritePublicKey(share);
        byte[] secret = new byte[32];
        Assert.True(own.TryAgree([4, .. point.Q.X!, .. point.Q.Y!], secret));
        using ECDiffieHellman peer = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = share[1..33], Y = share[33..] } });
        Assert.Equal(other.DeriveRawSecretAgreement(peer.PublicKey), secret);
    }

    [Theory]
    [InlineData(NamedGroup.Secp256r1)]
    [InlineData(NamedGroup.X25519)]
    public void Both_sides_get_the_same_secret_and_every_key_is_new(NamedGroup group)
    {
        if (!Crypto.Supports(group))
        {
            Assert.Throws<CryptographicException>(() => Crypto.CreateKeyAgreement(group));
            return;
        }

        var secrets = new HashSet<string>();
        for (int i = 0; i < 20; i++)
        {
            using KeyAgreement a = Crypto.CreateKeyAgreement(group);
            using KeyAgreement b = Crypto.CreateKeyAgreement(group);
            byte[] shareA = new byte[KeyAgreement.PublicKeyLength(group)];
            byte[] shareB = new byte[shareA.Length];
            a.WritePublicKey(shareA);
            b.WritePublicKey(shareB);
            byte[] secretA = new byte[32];
            byte[] secretB = new byte[32];
            Assert.True(a.TryAgree(shareB, secretA));
            Assert.True(b.TryAgree(shareA, secretB));
            Assert.Equal(secretA, secretB);
            Assert.True(secrets.Add(Convert.ToHexString(secretA)));
        }
    }

    public static TheoryData<string, byte[]> BadP256Points => new()
    {
        { "too short", [4, .. new byte[63]] },
        { "too long", [4, .. new byte[65]] },
        { "compressed", [2, .. new byte[32]] },
        { "hybrid form", [6, .. new byte[64]] },
        { "infinity", [0] },
        { "not on the curve", [4, .. Enumerable.Repeat((byte)1, 64)] },
        { "coordinate over the prime", [4, .. Enumerable.Repeat((byte)0xff, 64)] },
        { "zero", [4, .. new byte[64]] },
    };

    [Theory]
    [MemberData(nameof(BadP256Points))]
    public void A_bad_P256_point_is_refused(string what, byte[] point)
    {
        using KeyAgreement own = Crypto.CreateKeyAgreement(NamedGroup.Secp256r1);
        Assert.False(own.TryAgree(point, new byte[32]), what);
    }
}
