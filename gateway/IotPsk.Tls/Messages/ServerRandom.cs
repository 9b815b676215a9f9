using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Messages;

/// <summary>The random of a ServerHello and the marks that a server of TLS 1.3 leaves in it when it speaks an older version (RFC 8446 s4.1.3).</summary>
internal static class ServerRandom
{
    private const int SentinelLength = 8;

    private static ReadOnlySpan<byte> Tls12Sentinel => "DOWNGRD\u0001"u8;

    private static ReadOnlySpan<byte> Tls11Sentinel => "DOWNGRD\0"u8;

    /// <summary>A fresh random that says nothing: TLS 1.3 is spoken.</summary>
    public static void Fill(CryptoProvider crypto, Span<byte> random)
    {
        do
        {
            crypto.FillRandom(random);
        }
        while (HasSentinel(random));
    }

    /// <summary>The random of a server that speaks TLS 1.2.</summary>
    /// <param name="crypto">The library.</param>
    /// <param name="random">Is filled.</param>
    /// <param name="knowsTls13">It would have spoken TLS 1.3.</param>
    public static void FillTls12(CryptoProvider crypto, Span<byte> random, bool knowsTls13)
    {
        Fill(crypto, random);

        // RFC 8446 s4.1.3: the mark by which a client of TLS 1.3 sees that somebody changed its hello.
        if (knowsTls13)
            Tls12Sentinel.CopyTo(random[^SentinelLength..]);
    }

    public static bool HasSentinel(ReadOnlySpan<byte> random)
    {
        ReadOnlySpan<byte> end = random[^SentinelLength..];
        return end.SequenceEqual(Tls12Sentinel) || end.SequenceEqual(Tls11Sentinel);
    }
}
