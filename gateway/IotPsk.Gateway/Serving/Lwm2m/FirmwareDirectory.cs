using System.Globalization;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// The firmware images that devices may have: plain files of one directory. Names have letters, digits and <c>. _ -</c> and begin with no dot; links lead out of the
/// directory and are not followed.
/// </summary>
internal sealed class FirmwareDirectory(string path)
{
    /// <summary>The largest image, in bytes.</summary>
    internal const int MaxImage = 16 << 20;

    private const int MaxName = 128;

    internal static bool IsName(string name) =>
        name.Length is > 0 and <= MaxName && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    /// <summary>Opens an image; null if there is none of that name that may be given out.</summary>
    internal FirmwareImage? Open(string name)
    {
        if (!IsName(name))
            return null;
        var file = new FileInfo(Path.Combine(path, name));
        try
        {
            if (!file.Exists || file.LinkTarget is not null || file.Length is 0 or > MaxImage)
                return null;
            // A file that is written anew while a device fetches it has another tag, and the device begins anew (RFC 7959 s2.4).
            ulong tag = ((ulong)file.LastWriteTimeUtc.Ticks * 1099511628211) ^ (ulong)file.Length;
            return new FirmwareImage(File.OpenHandle(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete), (int)file.Length, tag);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The names of all images, in order.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    internal IReadOnlyList<string> List() =>
        [.. Directory.EnumerateFiles(path).Select(file => Path.GetFileName(file)!).Where(IsName).Order(StringComparer.Create(CultureInfo.InvariantCulture, ignoreCase: false))];
}

/// <summary>An open image.</summary>
internal sealed class FirmwareImage(Microsoft.Win32.SafeHandles.SafeFileHandle file, int length, ulong tag) : IDisposable
{
    internal int Length { get; } = length;

    internal ulong Tag { get; } = tag;

    /// <summary>Reads what stands from an offset on; less than asked for is an error: the file was cut off meanwhile.</summary>
    internal void Read(int offset, Memory<byte> into)
    {
        for (int read = 0; read < into.Length;)
        {
            int count = RandomAccess.Read(file, into.Span[read..], offset + read);
            read += count > 0 ? count : throw new EndOfStreamException("the firmware image was cut off while it was read");
        }
    }

    internal byte[] ReadAll()
    {
        byte[] all = new byte[Length];
        Read(0, all);
        return all;
    }

    public void Dispose() => file.Dispose();
}
