using System.Security.Cryptography;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway;

/// <summary>The TPM of a configuration, with the authorisation values that it names.</summary>
internal static class TpmAccess
{
    /// <summary>Name of the systemd credential (LoadCredential=) that holds the authorisation value of the keys.</summary>
    internal const string Credential = "tpm-auth";
    private const string CredentialsDirectory = "CREDENTIALS_DIRECTORY";

    /// <summary>The TPM, not opened yet.</summary>
    /// <param name="configuration">Where it is, and the files of its authorisation values.</param>
    /// <param name="fleet">The fleet that has its keys in it; null before it is made.</param>
    internal static EsysTpm Create(TpmConfiguration configuration, FleetRecord? fleet) => new(new TpmOptions
    {
        Tcti = configuration.Tcti,
        KeyAuth = Read(configuration.AuthFile ?? OfService()),
        OwnerAuth = Read(configuration.OwnerAuthFile),
        EncryptSession = configuration.EncryptSession,
        StorageRoot = fleet is { IsHere: true } ? fleet.StorageRoot : null,
    });

    private static string? OfService() =>
        Environment.GetEnvironmentVariable(CredentialsDirectory) is { Length: > 0 } directory && Path.Combine(directory, Credential) is var path && File.Exists(path) ? path : null;

    /// <summary>The bytes of a file, without the line end that editors leave there.</summary>
    private static byte[] Read(string? path)
    {
        if (path is null)
            return [];
        byte[] buffer = GC.AllocateUninitializedArray<byte>(TpmOptions.MaxAuthSize + 3, pinned: true);
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0 });
            if ((File.GetUnixFileMode(file.SafeFileHandle) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
                throw new UserError("the TPM's authorisation value is open to every user", path, "chmod 0600 it, and change the value: others may have read it");
            ReadOnlySpan<byte> value = buffer.AsSpan(0, file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false));
            value = value.EndsWith("\r\n"u8) ? value[..^2] : value.EndsWith("\n"u8) ? value[..^1] : value;
            if (value.IsEmpty || value.Length > TpmOptions.MaxAuthSize)
                throw new UserError($"an authorisation value has 1 to {TpmOptions.MaxAuthSize} bytes, this file holds {(value.IsEmpty ? "none" : "more")}", path, "write a random one: head -c 16 /dev/urandom | xxd -p");
            byte[] auth = GC.AllocateUninitializedArray<byte>(value.Length, pinned: true);
            value.CopyTo(auth);
            return auth;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new UserError($"the TPM's authorisation value cannot be read ({e.Message})", path, "name the right file, or run this as its owner", cause: e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }
}
