using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A library whose n-th operation, and every one after it, fails.</summary>
internal sealed class FailingCrypto(int failAt) : CryptoProvider
{
    public int Operations { get; private set; }

    public override bool Supports(NamedGroup group) => Default.Supports(group);

    public override bool Supports(AeadAlgorithm algorithm) => Default.Supports(algorithm);

    public override void FillRandom(Span<byte> destination) => Working().FillRandom(destination);

    public override void HashData(TlsHash hash, ReadOnlySpan<byte> data, Span<byte> destination) => Working().HashData(hash, data, destination);

    public override void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination) =>
        Working().Hmac(hash, key, first, second, destination);

    public override TranscriptHash CreateTranscript(TlsHash hash) => Working().CreateTranscript(hash);

    public override KeyAgreement CreateKeyAgreement(NamedGroup group) => Working().CreateKeyAgreement(group);

    public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag) =>
        Working().Seal(key, nonce, associatedData, data, tag);

    public override bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext) =>
        Working().Open(key, nonce, associatedData, ciphertext, tag, plaintext);

    public override void Wipe() => Default.Wipe();

    public override void Forget(long keyId) => Default.Forget(keyId);

    private CryptoProvider Working() => ++Operations >= failAt ? throw new CryptographicException("out of order") : Default;
}
