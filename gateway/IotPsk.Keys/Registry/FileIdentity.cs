using System.Runtime.InteropServices;

namespace IotPsk.Keys;

/// <summary>Which file a path names: device and inode, from statx(2), whose layout is the same on every architecture.</summary>
internal readonly partial record struct FileIdentity(ulong Inode, ulong Device)
{
    private const int CurrentDirectory = -100;
    private const uint MaskInode = 0x100;
    private const int BufferSize = 256;
    private const int InodeOffset = 32;
    private const int DeviceOffset = 136;

    /// <summary>The identity, or null when there is no such file.</summary>
    internal static unsafe FileIdentity? Of(string path)
    {
        var buffer = stackalloc byte[BufferSize];
        if (Statx(CurrentDirectory, path, 0, MaskInode, buffer) != 0)
            return null;
        var bytes = new ReadOnlySpan<byte>(buffer, BufferSize);
        return new FileIdentity(MemoryMarshal.Read<ulong>(bytes[InodeOffset..]), MemoryMarshal.Read<ulong>(bytes[DeviceOffset..]));
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int directory, string path, int flags, uint mask, byte* buffer);
}
