using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Handshake;

/// <summary>The proof that a client knows the PSK it named. Only the check makes one, and no session is without it.</summary>
internal sealed class BinderVerified
{
    private static readonly BinderVerified Proof = new();

    private BinderVerified()
    {
    }

    /// <summary>
    /// Checks one binder (RFC 8446 s4.2.11.2) and takes the whole ClientHello into the transcript; null if the binder is not right.
    /// </summary>
    public static BinderVerified? Check(HandshakeSecrets secrets, PskBinder kind, ReadOnlySpan<byte> message, in ClientHello hello, int index)
    {
        Span<byte> hash = stackalloc byte[secrets.Hash.Length()];
        Span<byte> expected = stackalloc byte[hash.Length];
        secrets.Transcript.Append(message[..hello.TruncatedLength]);
        secrets.Transcript.Snapshot(hash);
        secrets.Schedule.ComputeBinder(kind, hash, expected);
        secrets.Transcript.Append(message[hello.TruncatedLength..]);
        bool right = CryptographicOperations.FixedTimeEquals(expected, PreSharedKey.Binder(hello.Binders.Of(message), index));
        CryptographicOperations.ZeroMemory(expected);
        return right ? Proof : null;
    }
}
