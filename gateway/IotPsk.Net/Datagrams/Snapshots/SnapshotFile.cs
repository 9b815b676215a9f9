using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// The file: magic, version, generation, nonce, then everything else under AES-256-GCM with the former as additional data.
/// The plain bytes hold keys, so they live in pinned arrays and are zeroed by whoever has them.
/// </summary>
internal static class SnapshotFile
{
    /// <summary>Bytes of a key.</summary>
    internal const int KeyLength = 32;

    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int HeaderLength = 9 + sizeof(long) + NonceLength;

    private static ReadOnlySpan<byte> Magic => "IOTPSKDA\x01"u8;

    /// <summary>Seals the plain bytes into a new file that only this user can read.</summary>
    internal static void Write(string path, ReadOnlySpan<byte> key, long generation, ReadOnlySpan<byte> plain)
    {
        var file = new byte[HeaderLength + plain.Length + TagLength];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteInt64BigEndian(file.AsSpan(Magic.Length), generation);
        var nonce = file.AsSpan(HeaderLength - NonceLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using (var aead = new AesGcm(key, TagLength))
            aead.Encrypt(nonce, plain, file.AsSpan(HeaderLength, plain.Length), file.AsSpan(HeaderLength + plain.Length), file.AsSpan(0, HeaderLength));
        var temporary = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(temporary, options))
        {
            stream.Write(file);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Deletes the file and opens what it held; null if there is none.</summary>
    /// <exception cref="DatagramSnapshotException">It is not what this key sealed for this generation.</exception>
    internal static byte[]? Take(string path, ReadOnlySpan<byte> key, long generation)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        // Gone before anything of it is used: whatever happens now, nobody loads it a second time.
        File.Delete(path);
        return Open(path, file, key, generation);
    }

    private static byte[] Open(string path, ReadOnlySpan<byte> file, ReadOnlySpan<byte> key, long generation)
    {
        if (file.Length < HeaderLength + TagLength || !file.StartsWith(Magic))
            throw new DatagramSnapshotException($"{path} was no snapshot of associations of this version.");
        var found = BinaryPrimitives.ReadInt64BigEndian(file[Magic.Length..]);
        if (found != generation)
            throw new DatagramSnapshotException($"{path} was snapshot {found} and not {generation}: it was used before, or is older than the last stop.");
        var sealedLength = file.Length - HeaderLength - TagLength;
        var plain = GC.AllocateUninitializedArray<byte>(sealedLength, pinned: true);
        try
        {
            using var aead = new AesGcm(key, TagLength);
            aead.Decrypt(file.Slice(HeaderLength - NonceLength, NonceLength), file.Slice(HeaderLength, sealedLength), file[^TagLength..], plain, file[..HeaderLength]);
            return plain;
        }
        catch (AuthenticationTagMismatchException exception)
        {
            throw new DatagramSnapshotException($"{path} was changed since it was written, or belongs to another gateway.", exception);
        }
    }
}
