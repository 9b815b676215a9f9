using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Gateway.Admin;

/// <summary>The token that opens <c>Admin.Http</c> beyond health and numbers. Only its hash is kept.</summary>
internal sealed class AdminToken
{
    private const int LeastSize = 16, MaxSize = 512;
    private const string Scheme = "Bearer ";
    private volatile byte[]? _hash;

    /// <summary>Takes the token of a file; null takes none. Throws <see cref="UserError"/> when it cannot be read or is too short.</summary>
    internal void Load(string? file)
    {
        if (file is null)
        {
            _hash = null;
            return;
        }
        byte[] token = CredentialFile.Read(file, "the admin token", MaxSize);
        try
        {
            if (token.Length < LeastSize)
                throw new UserError($"the admin token is shorter than {LeastSize} characters", file, "write a random one: head -c 24 /dev/urandom | base64");
            _hash = SHA256.HashData(token);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(token);
        }
    }

    internal bool IsSet => _hash is not null;

    /// <summary>Whether an Authorization header shows it (RFC 6750 s2.1). In fixed time.</summary>
    internal bool IsShownBy(string? authorization)
    {
        if (_hash is not { } expected || authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return false;
        return CryptographicOperations.FixedTimeEquals(expected, SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim())));
    }
}
