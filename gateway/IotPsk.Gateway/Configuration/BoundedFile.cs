namespace IotPsk.Gateway.Configuration;

/// <summary>Reads files that somebody named, whatever they turn out to be: a device has no length, and no end.</summary>
internal static class BoundedFile
{
    /// <summary>The whole content; null if it is longer than <paramref name="most"/> bytes.</summary>
    internal static byte[]? Read(string path, int most)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] buffer = new byte[most + 1];
        int length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        byte[]? content = length <= most ? buffer[..length] : null;
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(buffer);
        return content;
    }
}
