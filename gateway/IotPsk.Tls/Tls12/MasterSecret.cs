using System.Buffers.Binary;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tls12;

/// <summary>The master secret of a session (RFC 5246 s8.1) and what is derived from it.</summary>
internal sealed class MasterSecret : IDisposable
{
    public const int Length = 48;

    public const int VerifyDataLength = 12;

    private readonly CryptoProvider _crypto;
    private readonly SecretBuffer _secret;

    private MasterSecret(CryptoProvider crypto, SecretBuffer secret)
    {
        _crypto = crypto;
        _secret = secret;
    }

    public ReadOnlySpan<byte> Bytes => _secret.Span;

    /// <summary>The secret of a session that is resumed.</summary>
    public static MasterSecret Resume(CryptoProvider crypto, ReadOnlySpan<byte> secret) => new(crypto, new SecretBuffer(secret));

    /// <param name="crypto">The library.</param>
    /// <param name="psk">The key.</param>
    /// <param name="shared">The ECDHE secret; empty in plain PSK.</param>
    /// <param name="sessionHash">The transcript up to ClientKeyExchange, for extended_master_secret; empty without.</param>
    /// <param name="randoms">Both randoms, the client's first.</param>
    public static MasterSecret Derive(CryptoProvider crypto, ReadOnlySpan<byte> psk, ReadOnlySpan<byte> shared, ReadOnlySpan<byte> sessionHash, ReadOnlySpan<byte> randoms)
    {
        using SecretBuffer premaster = Premaster(psk, shared);
        var secret = new SecretBuffer(Length);
        if (sessionHash.IsEmpty)
            Prf.Expand(crypto, premaster.Span, "master secret"u8, randoms, default, secret.Span);
        else
            Prf.Expand(crypto, premaster.Span, "extended master secret"u8, sessionHash, default, secret.Span); // RFC 7627 s4
        return new MasterSecret(crypto, secret);
    }

    /// <summary>Keys and IVs of both directions (RFC 5246 s6.3).</summary>
    public void ExpandKeyBlock(ReadOnlySpan<byte> randoms, Span<byte> block) =>
        Prf.Expand(_crypto, _secret.Span, "key expansion"u8, randoms[Tls12Handshake.RandomLength..], randoms[..Tls12Handshake.RandomLength], block);

    /// <summary>verify_data (RFC 5246 s7.4.9).</summary>
    public void ComputeFinished(bool ofClient, ReadOnlySpan<byte> transcriptHash, Span<byte> verifyData) =>
        Prf.Expand(_crypto, _secret.Span, ofClient ? "client finished"u8 : "server finished"u8, transcriptHash, default, verifyData[..VerifyDataLength]);

    /// <summary>An exported value (RFC 5705 s4); no context is another value than an empty one.</summary>
    public void Export(CryptoProvider crypto, ReadOnlySpan<byte> label, ReadOnlySpan<byte> randoms, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        if (context.IsEmpty)
        {
            Prf.Expand(crypto, _secret.Span, label, randoms, default, destination);
            return;
        }

        byte[] seed = new byte[sizeof(ushort) + context.Length];
        BinaryPrimitives.WriteUInt16BigEndian(seed, checked((ushort)context.Length));
        context.CopyTo(seed.AsSpan(sizeof(ushort)));
        Prf.Expand(crypto, _secret.Span, label, randoms, seed, destination);
    }

    public void Dispose() => _secret.Dispose();

    /// <summary>RFC 4279 s2: the other secret is as many zeros as the PSK has bytes; RFC 5489 s2: it is the one of ECDHE.</summary>
    private static SecretBuffer Premaster(ReadOnlySpan<byte> psk, ReadOnlySpan<byte> shared)
    {
        int otherLength = shared.IsEmpty ? psk.Length : shared.Length;
        var premaster = new SecretBuffer(sizeof(ushort) + otherLength + sizeof(ushort) + psk.Length);
        Span<byte> bytes = premaster.Span;
        BinaryPrimitives.WriteUInt16BigEndian(bytes, checked((ushort)otherLength));
        shared.CopyTo(bytes[sizeof(ushort)..]);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(sizeof(ushort) + otherLength)..], checked((ushort)psk.Length));
        psk.CopyTo(bytes[^psk.Length..]);
        return premaster;
    }
}
