using System.Security.Cryptography;

namespace IotPsk.Tls.Handshake;

/// <summary>The proof that the peer saw the same handshake. Only the check makes one, and no session is without it.</summary>
internal sealed class FinishedVerified
{
    private static readonly FinishedVerified Proof = new();

    private FinishedVerified()
    {
    }

    /// <summary>Compares verify_data (RFC 8446 s4.4.4); null if it is not right.</summary>
    public static FinishedVerified? Check(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> received) =>
        CryptographicOperations.FixedTimeEquals(expected, received) ? Proof : null;
}
