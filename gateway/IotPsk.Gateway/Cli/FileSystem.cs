using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IotPsk.Gateway.Cli;

/// <summary>What System.IO does not have.</summary>
internal static partial class FileSystem
{
    /// <summary>Waits until the disk has everything of the file system a directory is on: for many small files, one wait instead of one each.</summary>
    internal static void Sync(string directory)
    {
        using SafeFileHandle handle = Open(directory, 0);
        if (handle.IsInvalid || SyncFileSystem(handle) != 0)
            throw new IOException($"{directory}: what was written may not be on the disk yet ({Marshal.GetLastPInvokeErrorMessage()})");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystem(SafeFileHandle file);
}
