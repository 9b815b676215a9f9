using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Tests.Crypto;

public abstract class HashTests
{
    private protected abstract CryptoProvider Crypto { get; }

    [Theory]
    [InlineData(TlsHash.Sha256)]
    [InlineData(TlsHash.Sha384)]
    public void Hash_and_HMAC_equal_the_base_library(TlsHash hash)
    {
        byte[] key = RandomNumberGenerator.GetBytes(37);
        byte[] first = RandomNumberGenerator.GetBytes(100);
        byte[] second = RandomNumberGenerator.GetBytes(200);
        byte[] all = [.. first, .. second];
        byte[] result = new byte[hash.Length()];

        Crypto.HashData(hash, all, result);
        Assert.Equal(hash == TlsHash.Sha256 ? SHA256.HashData(all) : SHA384.HashData(all), result);
        Crypto.Hmac(hash, key, first, second, result);
        Assert.Equal(hash == TlsHash.Sha256 ? HMACSHA256.HashData(key, all) : HMACSHA384.HashData(key, all), result);
        Crypto.HashData(hash, default, result);
        Assert.Equal(hash.Empty(), result);
    }

    [Fact]
    public void A_snapshot_does_not_end_the_transcript()
    {
        using TranscriptHash transcript = Crypto.CreateTranscript(TlsHash.Sha256);
        byte[] hash = new byte[32];
        transcript.Append([1, 2, 3]);
        transcript.Snapshot(hash);
        Assert.Equal(SHA256.HashData([1, 2, 3]), hash);
        transcript.Append([4]);
        transcript.Snapshot(hash);
        Assert.Equal(SHA256.HashData([1, 2, 3, 4]), hash);
        transcript.ReplaceByMessageHash();
        byte[] synthetic = [254, 0, 0, 32, .. hash];
        transcript.Snapshot(hash);
        Assert.Equal(SHA256.HashData(synthetic), hash);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(100)]
    public void Expand_goes_over_several_blocks(int length)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        byte[] result = new byte[length];
        HkdfLabel.Expand(Crypto, TlsHash.Sha256, datagram: false, secret, "test"u8, [9, 8], result);
        byte[] info = [0, (byte)length, 10, .. "tls13 test"u8, 2, 9, 8];
        Assert.Equal(HKDF.Expand(HashAlgorithmName.SHA256, secret, length, info), result);
    }

    [Fact]
    public void A_secret_is_gone_after_dispose()
    {
        var buffer = new SecretBuffer([1, 2, 3]);
        Assert.Equal([1, 2, 3], buffer.Span.ToArray());
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Length);
        buffer.Dispose();
    }
}
