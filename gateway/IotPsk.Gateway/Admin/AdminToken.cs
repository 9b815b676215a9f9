using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Gateway.Admin;

/// <summary>The token that opens <c>Admin.Http</c> beyond health and numbers. Only its hash is kept.</summary>
internal sealed class AdminToken
{
    private const int LeastSize = 16, MaxSize = 512;
    private const string Scheme = "Bearer ";
    private volatile byte[]? _hash;

    /// <summary>The hash of a file's token; null for no file. Throws <see cref="UserError"/> when it cannot be read or is too short.</summary>
    internal static byte[]? Read(string? file)
    {
        if (file is null)
            return null;
        byte[] token = CredentialFile.Read(file, "the admin token", MaxSize);
        try
        {
            return token.Length >= LeastSize
                ? SHA256.HashData(token)
                : throw new UserError($"the admin token is shorter than {LeastSize} characters", file, "write a random one: head -c 24 /dev/urandom | base64");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(token);
        }
    }

    /// <summary>From now on what <see cref="Read"/> gave counts.</summary>
    internal void Take(byte[]? hash) => _hash = hash;

    internal bool IsSet => _hash is not null;

    /// <summary>Whether an Authorization header shows it (RFC 6750 s2.1). In fixed time.</summary>
    internal bool IsShownBy(string? authorization)
    {
        if (_hash is not { } expected || authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return false;
        return CryptographicOperations.FixedTimeEquals(expected, SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim())));
    }
}
