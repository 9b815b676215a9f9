using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tests.Crypto;

/// <summary>libcrypto's contexts, reused and re-keyed, against the one-shot classes of the base library.</summary>
public abstract class AeadTests
{
    private protected abstract CryptoProvider Crypto { get; }

    public static TheoryData<string> Algorithms => [.. Enum.GetNames<AeadAlgorithm>()];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Sealing_equals_the_base_library(string name)
    {
        AeadAlgorithm algorithm = Enum.Parse<AeadAlgorithm>(name);
        var random = new Random(1);
        for (int round = 0; round < 200; round++)
        {
            // Few numbers in turn: places are reused, re-keyed and change their algorithm.
            (byte[] key, byte[] nonce, byte[] aad, byte[] data) = Inputs(algorithm, random);
            byte[] expected = new byte[data.Length];
            byte[] expectedTag = new byte[TagLength(algorithm)];
            SealByBaseLibrary(algorithm, key, nonce, data, expected, expectedTag, aad);

            byte[] sealedData = [.. data];
            byte[] tag = new byte[expectedTag.Length];
            long id = AeadKey.NewId();
            var aeadKey = new AeadKey(algorithm, id, key);
            Crypto.Seal(aeadKey, nonce, aad, sealedData, tag);
            Assert.Equal(expected, sealedData);
            Assert.Equal(expectedTag, tag);

            // The same from two places: what comes first from elsewhere, the rest where it lies.
            int content = random.Next(0, data.Length + 1);
            byte[] joined = [.. new byte[content], .. data[content..]];
            Crypto.Seal(new AeadKey(algorithm, AeadKey.SingleUse, key), nonce, aad, data.AsSpan(0, content), joined, tag);
            Assert.Equal(expected, joined);
            Assert.Equal(expectedTag, tag);
            Crypto.Forget(AeadKey.SingleUse);

            byte[] opened = new byte[data.Length];
            Assert.True(Crypto.Open(new AeadKey(algorithm, AeadKey.SingleUse, key), nonce, aad, sealedData, tag, opened));
            Assert.Equal(data, opened);
            Crypto.Forget(id);
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Content_may_lie_in_the_way_of_what_is_written(string name)
    {
        AeadAlgorithm algorithm = Enum.Parse<AeadAlgorithm>(name);
        (byte[] key, byte[] nonce, byte[] aad, _) = Inputs(algorithm, new Random(3));
        byte[] buffer = RandomNumberGenerator.GetBytes(3000), tag = new byte[TagLength(algorithm)], expected = new byte[2000], expectedTag = new byte[tag.Length];
        SealByBaseLibrary(algorithm, key, nonce, buffer[700..2700], expected, expectedTag, aad);
        Crypto.Seal(new AeadKey(algorithm, AeadKey.NewId(), key), nonce, aad, buffer.AsSpan(700, 2000), buffer.AsSpan(100, 2000), tag);
        Assert.Equal(expected, buffer[100..2100]);
        Assert.Equal(expectedTag, tag);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_changed_bit_is_not_opened_and_leaves_no_plaintext(string name)
    {
        AeadAlgorithm algorithm = Enum.Parse<AeadAlgorithm>(name);
        var random = new Random(2);
        (byte[] key, byte[] nonce, byte[] aad, byte[] data) = Inputs(algorithm, random);
        byte[] tag = new byte[TagLength(algorithm)];
        byte[] sealedData = [.. data];
        Crypto.Seal(new AeadKey(algorithm, AeadKey.NewId(), key), nonce, aad, sealedData, tag);
        foreach (byte[] target in (byte[][])[sealedData, tag, nonce, aad])
        {
            target[^1] ^= 1;
            byte[] opened = new byte[data.Length];
            opened.AsSpan().Fill(0xaa);
            Assert.False(Crypto.Open(new AeadKey(algorithm, AeadKey.NewId(), key), nonce, aad, sealedData, tag, opened));
            Assert.DoesNotContain(opened, b => b != 0);
            target[^1] ^= 1;
        }

        Assert.True(Crypto.Open(new AeadKey(algorithm, AeadKey.NewId(), key), nonce, aad, sealedData, tag, new byte[data.Length]));
    }

    [Fact]
    public void A_key_goes_on_after_others_took_its_place()
    {
        byte[] key = new byte[16];
        byte[] nonce = new byte[12];
        long id = AeadKey.NewId();
        byte[] first = new byte[64];
        byte[] second = new byte[64];
        byte[] tag = new byte[16];
        Crypto.Seal(new AeadKey(AeadAlgorithm.Aes128Gcm, id, key), nonce, [], first, tag);
        for (int i = 0; i < 1000; i++)
            Crypto.Seal(new AeadKey(AeadAlgorithm.ChaCha20Poly1305, AeadKey.NewId(), new byte[32]), nonce, [], new byte[8], tag);
        Crypto.Seal(new AeadKey(AeadAlgorithm.Aes128Gcm, id, key), nonce, [], second, tag);
        Assert.Equal(first, second);
    }

    private static (byte[] Key, byte[] Nonce, byte[] Aad, byte[] Data) Inputs(AeadAlgorithm algorithm, Random random)
    {
        byte[] key = new byte[algorithm is AeadAlgorithm.Aes256Gcm or AeadAlgorithm.ChaCha20Poly1305 ? 32 : 16];
        byte[] nonce = new byte[12];
        byte[] aad = new byte[5];
        byte[] data = new byte[random.Next(1, 3000)];
        foreach (byte[] target in (byte[][])[key, nonce, aad, data])
            random.NextBytes(target);
        return (key, nonce, aad, data);
    }

    private static int TagLength(AeadAlgorithm algorithm) => algorithm == AeadAlgorithm.Aes128Ccm8 ? 8 : 16;

    private static void SealByBaseLibrary(AeadAlgorithm algorithm, byte[] key, byte[] nonce, byte[] data, byte[] output, byte[] tag, byte[] aad)
    {
        switch (algorithm)
        {
            case AeadAlgorithm.Aes128Gcm or AeadAlgorithm.Aes256Gcm:
                using (var gcm = new AesGcm(key, tag.Length))
                    gcm.Encrypt(nonce, data, output, tag, aad);
                break;
            case AeadAlgorithm.ChaCha20Poly1305:
                using (var chacha = new ChaCha20Poly1305(key))
                    chacha.Encrypt(nonce, data, output, tag, aad);
                break;
            default:
                using (var ccm = new AesCcm(key))
                    ccm.Encrypt(nonce, data, output, tag, aad);
                break;
        }
    }
}
