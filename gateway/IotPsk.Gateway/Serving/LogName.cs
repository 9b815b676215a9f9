using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Gateway.Serving;

/// <summary>The name of an identity in logs: the first 8 bytes of its SHA-256, so that logs hold no inventory of devices.</summary>
internal static class LogName
{
    private const int Size = 8;

    /// <summary>Of a device, by its id. <c>iotpsk device show</c> prints the same.</summary>
    internal static string Of(string deviceId) => Of(Encoding.UTF8.GetBytes(deviceId));

    /// <summary>Of an identity as it came from the wire.</summary>
    internal static string Of(ReadOnlySpan<byte> identity)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(identity, digest);
        return Convert.ToHexStringLower(digest[..Size]);
    }
}
