using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Schedule;

/// <summary>
/// The key schedule (RFC 8446 s7.1). It holds one secret at a time: Early, then Handshake, then Master;
/// each step forgets the secret before it.
/// </summary>
internal sealed class KeySchedule : IDisposable
{
    private readonly CryptoProvider _crypto;
    private readonly SecretBuffer _secret;
    private readonly bool _datagram;
    private Stage _stage;

    /// <param name="crypto">The library.</param>
    /// <param name="hash">The hash of the PSK and of the suite.</param>
    /// <param name="datagram">True for the labels of DTLS 1.3.</param>
    /// <param name="psk">The pre-shared key, not empty.</param>
    public KeySchedule(CryptoProvider crypto, TlsHash hash, bool datagram, ReadOnlySpan<byte> psk)
    {
        _crypto = crypto;
        Hash = hash;
        _datagram = datagram;
        _secret = new SecretBuffer(hash.Length());
        Extract(Zeros, psk);
    }

    private enum Stage
    {
        Early,
        Handshake,
        Master,
    }

    public TlsHash Hash { get; }

    /// <summary>The secret of the current stage, for the tests of the schedule.</summary>
    internal ReadOnlySpan<byte> Current => _secret.Span;

    private static ReadOnlySpan<byte> AllZeros => new byte[TlsHashes.MaxLength];

    private ReadOnlySpan<byte> Zeros => AllZeros[..Hash.Length()];

    /// <summary>The label of a binder key (RFC 8446 s7.1, RFC 9258 s5.2).</summary>
    public static ReadOnlySpan<byte> BinderLabel(PskBinder binder) => binder switch
    {
        PskBinder.External => "ext binder"u8,
        PskBinder.Imported => "imp binder"u8,
        PskBinder.Resumption => "res binder"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(binder), binder, "no such binder"),
    };

    /// <summary>The binder over a truncated ClientHello (RFC 8446 s4.2.11.2).</summary>
    public void ComputeBinder(PskBinder binder, ReadOnlySpan<byte> transcriptHash, Span<byte> destination)
    {
        Require(Stage.Early);
        Span<byte> binderKey = stackalloc byte[Hash.Length()];
        DeriveSecret(BinderLabel(binder), Hash.Empty(), binderKey);
        ComputeFinished(binderKey, transcriptHash, destination);
        CryptographicOperations.ZeroMemory(binderKey);
    }

    /// <summary>From Early to Handshake; an empty <paramref name="sharedSecret"/> is psk_ke.</summary>
    public void MixSharedSecret(ReadOnlySpan<byte> sharedSecret)
    {
        Require(Stage.Early);
        Advance(sharedSecret.IsEmpty ? Zeros : sharedSecret);
        _stage = Stage.Handshake;
    }

    /// <summary>From Handshake to Master.</summary>
    public void Finish()
    {
        Require(Stage.Handshake);
        Advance(Zeros);
        _stage = Stage.Master;
    }

    /// <summary>Derive-Secret, given the hash of the messages.</summary>
    public void DeriveSecret(ReadOnlySpan<byte> label, ReadOnlySpan<byte> transcriptHash, Span<byte> destination) =>
        HkdfLabel.Expand(_crypto, Hash, _datagram, _secret.Span, label, transcriptHash, destination[..Hash.Length()]);

    /// <summary>verify_data of a Finished, or a binder, from its base key (RFC 8446 s4.4.4).</summary>
    public void ComputeFinished(ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> transcriptHash, Span<byte> destination)
    {
        Span<byte> finishedKey = stackalloc byte[Hash.Length()];
        HkdfLabel.Expand(_crypto, Hash, _datagram, baseKey, "finished"u8, default, finishedKey);
        _crypto.Hmac(Hash, finishedKey, transcriptHash, default, destination);
        CryptographicOperations.ZeroMemory(finishedKey);
    }

    public void Dispose() => _secret.Dispose();

    private void Advance(ReadOnlySpan<byte> input)
    {
        Span<byte> salt = stackalloc byte[Hash.Length()];
        DeriveSecret("derived"u8, Hash.Empty(), salt);
        Extract(salt, input);
        CryptographicOperations.ZeroMemory(salt);
    }

    /// <summary>HKDF-Extract (RFC 5869 s2.2).</summary>
    private void Extract(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> input) => _crypto.Hmac(Hash, salt, input, default, _secret.Span);

    private void Require(Stage stage)
    {
        if (_stage != stage)
            throw new InvalidOperationException($"the key schedule is at {_stage}, not at {stage}");
    }
}
