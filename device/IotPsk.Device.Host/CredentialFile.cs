namespace IotPsk.Device.Host;

/// <summary>Erasing credential files of this machine. The device's own erasing cannot ask for the disk; here that is possible.</summary>
internal static class CredentialFile
{
    /// <summary>Overwrites a file, waits until the disk has it, and deletes it.</summary>
    internal static void Erase(string path)
    {
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            file.Write(new byte[file.Length]);
            // Without it the zeros would go no further than memory, because the file is deleted right away.
            file.Flush(flushToDisk: true);
        }
        File.Delete(path);
    }
}
