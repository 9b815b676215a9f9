namespace IotPsk.Gateway.Cli;

/// <summary>Files with keys in them: readable by their owner only, whole or not there, never over another file.</summary>
internal static class SecretFile
{
    private const string Partial = ".partial";

    /// <summary>Writes a file whole.</summary>
    /// <param name="path">The file, which must not exist.</param>
    /// <param name="write">Writes its content.</param>
    /// <param name="durable">Waits until the disk has it.</param>
    internal static void Create(string path, Action<Stream> write, bool durable = true)
    {
        if (Path.Exists(path))
            throw Exists(path);
        string partial = path + Partial;

        // Of an earlier attempt, or somebody's who wants to read along: neither its mode nor its target is ours.
        File.Delete(partial);
        try
        {
            using (var stream = new FileStream(partial, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                write(stream);
                if (durable)
                    stream.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: false);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // EFBIG, which .NET has this word for: a limit of the process or of the file system.
            File.Delete(partial);
            throw new IOException($"No file may be as large : '{partial}'", e);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw Exists(path, e);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static UserError Exists(string path, Exception? cause = null) => new("the file exists already", path, "name another one, or remove it", cause: cause);
}
