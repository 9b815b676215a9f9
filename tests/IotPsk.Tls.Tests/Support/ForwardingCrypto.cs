using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The library itself; a test overrides what it wants to be different.</summary>
internal abstract class ForwardingCrypto : CryptoProvider
{
    public override bool Supports(NamedGroup group) => Default.Supports(group);

    public override bool Supports(AeadAlgorithm algorithm) => Default.Supports(algorithm);

    public override void FillRandom(Span<byte> destination) => Library.FillRandom(destination);

    public override void HashData(TlsHash hash, ReadOnlySpan<byte> data, Span<byte> destination) => Library.HashData(hash, data, destination);

    public override void Hmac(TlsHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination) =>
        Library.Hmac(hash, key, first, second, destination);

    public override TranscriptHash CreateTranscript(TlsHash hash) => Library.CreateTranscript(hash);

    public override KeyAgreement CreateKeyAgreement(NamedGroup group) => Library.CreateKeyAgreement(group);

    public override void Seal(in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> data, Span<byte> tag) =>
        Library.Seal(key, nonce, associatedData, data, tag);

    public override bool Open(
        in AeadKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext) =>
        Library.Open(key, nonce, associatedData, ciphertext, tag, plaintext);

    public override void Wipe() => Default.Wipe();

    public override void Forget(long keyId) => Default.Forget(keyId);

    /// <summary>Is asked for each operation.</summary>
    protected virtual CryptoProvider Library => Default;
}
