using System.Security.Cryptography;

namespace IotPsk.Gateway;

/// <summary>Reads secrets that lie in files: those the configuration names, and credentials of systemd (LoadCredential=).</summary>
internal static class CredentialFile
{
    private const string CredentialsDirectory = "CREDENTIALS_DIRECTORY";

    /// <summary>The file of a credential that systemd handed to this service; null where there is none.</summary>
    internal static string? OfService(string name) =>
        Environment.GetEnvironmentVariable(CredentialsDirectory) is { Length: > 0 } directory && Path.Combine(directory, name) is var path && File.Exists(path) ? path : null;

    /// <summary>The bytes of a file, without the line end that editors leave there; the array is pinned.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it holds, for errors: "the TPM's authorisation value".</param>
    /// <param name="most">Bytes at most; one at least.</param>
    /// <exception cref="UserError">It cannot be read, is open to every user, empty or too long.</exception>
    internal static byte[] Read(string path, string what, int most)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(most + 3, pinned: true);
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0 });
            if ((File.GetUnixFileMode(file.SafeFileHandle) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
                throw new UserError($"{what} is open to every user", path, "chmod 0600 it, and change the value: others may have read it");
            ReadOnlySpan<byte> value = buffer.AsSpan(0, file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false));
            value = value.EndsWith("\r\n"u8) ? value[..^2] : value.EndsWith("\n"u8) ? value[..^1] : value;
            if (value.IsEmpty || value.Length > most)
                throw new UserError($"{what} has 1 to {most} bytes, this file holds {(value.IsEmpty ? "none" : "more")}", path, "write a random one: head -c 16 /dev/urandom | xxd -p");
            byte[] secret = GC.AllocateUninitializedArray<byte>(value.Length, pinned: true);
            value.CopyTo(secret);
            return secret;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{what} cannot be read ({e.Message})", path, "name the right file, or run this as its owner", cause: e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }
}
