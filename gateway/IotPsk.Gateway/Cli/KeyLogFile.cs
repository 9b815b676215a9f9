namespace IotPsk.Gateway.Cli;

/// <summary>A file in the format of SSLKEYLOGFILE, for its owner only, and never without a loud word.</summary>
internal sealed class KeyLogFile : IDisposable
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly StreamWriter? _writer;

    internal KeyLogFile(string? path, TextWriter errors)
    {
        if (path is null)
            return;
        var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, UnixCreateMode = OnlyOwner });
        if ((File.GetUnixFileMode(file.SafeFileHandle) & ~OnlyOwner) != 0)
        {
            file.Dispose();
            throw new UserError("the file is open to other users", path, "name another one, or chmod 0600 it");
        }
        _writer = new StreamWriter(file) { AutoFlush = true };
        errors.WriteLine($"iotpsk: WARNING: the secrets of this session go to {path}; whoever reads it reads everything that is sent. Delete it after use.");
    }

    /// <summary>For the engine; null when nothing is logged.</summary>
    internal Action<string>? Sink => _writer is null ? null : _writer.WriteLine;

    public void Dispose() => _writer?.Dispose();
}
