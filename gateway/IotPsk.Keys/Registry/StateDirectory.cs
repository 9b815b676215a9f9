namespace IotPsk.Keys;

/// <summary>The directory that holds the registry: mode 0700, its files 0600.</summary>
public sealed class StateDirectory
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OnlyOwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // EWOULDBLOCK of flock(2), as .NET tells it.
    private const int LockHeld = 11;

    private StateDirectory(string path, string registry = "registry.db")
    {
        Path = path;
        RegistryPath = System.IO.Path.Combine(path, registry);
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>The SQLite file in it.</summary>
    public string RegistryPath { get; }

    /// <summary>Opens a state directory that exists.</summary>
    /// <exception cref="RegistryException">It does not exist, or others may enter it and that cannot be changed.</exception>
    public static StateDirectory Open(string path)
    {
        var state = new StateDirectory(Absolute(path));
        if (!Directory.Exists(state.Path))
        {
            throw new RegistryException(
                RegistryFault.Missing, $"State directory {state.Path} does not exist: make a fleet with 'iotpsk fleet init', or name the right directory");
        }

        state.Restrict();
        return state;
    }

    /// <summary>Opens a state directory, making it if it does not exist.</summary>
    /// <exception cref="RegistryException">It cannot be made.</exception>
    public static StateDirectory OpenOrCreate(string path)
    {
        var state = new StateDirectory(Absolute(path));
        try
        {
            Directory.CreateDirectory(state.Path, OnlyOwner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(
                RegistryFault.Inaccessible, $"State directory {state.Path} cannot be made by user {Environment.UserName}: {e.Message}", e);
        }

        state.Restrict();
        return state;
    }

    /// <summary>The same directory with another file as its registry.</summary>
    internal StateDirectory WithRegistry(string name) => new(Path, name);

    /// <summary>Holds the directory for one writer of fleet keys at a time, among all processes; released by Dispose.</summary>
    /// <exception cref="RegistryException">Another process holds it.</exception>
    internal IDisposable LockFleet() => Lock("fleet.lock", $"Another process is working on the fleet keys of {Path}: wait until it has ended");

    /// <summary>Holds the TPM's counter for one writer at a time, among all processes; released by Dispose.</summary>
    /// <exception cref="RegistryException">Another process holds it.</exception>
    internal IDisposable LockCounter() => Lock("counter.lock", $"Another process is working on the fleet keys of {Path}: wait until it has ended");

    /// <summary>Holds the directory for one gateway at a time, which alone writes what is kept for its next run; released by Dispose.</summary>
    /// <exception cref="RegistryException">Another process holds it, or it cannot be written.</exception>
    public IDisposable LockGateway() => Lock("gateway.lock", $"Another gateway runs with the state directory {Path}: end it first, or give this one a directory of its own");

    private FileStream Lock(string name, string held)
    {
        var path = System.IO.Path.Combine(Path, name);
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = OnlyOwnerFile,
            });
        }
        catch (IOException e) when (e.HResult == LockHeld)
        {
            throw new RegistryException(RegistryFault.Busy, held, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryFault.Inaccessible, $"{path} cannot be written by user {Environment.UserName}: {e.Message}", e);
        }
    }

    /// <summary>Makes the registry's file with its mode before SQLite opens it; SQLite gives -wal and -shm the same mode.</summary>
    internal void CreateRegistryFile()
    {
        if (File.Exists(RegistryPath))
            return;
        try
        {
            using var file = new FileStream(RegistryPath, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite,
                UnixCreateMode = OnlyOwnerFile,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(
                RegistryFault.Inaccessible, $"Registry {RegistryPath} cannot be made by user {Environment.UserName}: {e.Message}", e);
        }
    }

    private static string Absolute(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
    }

    private void Restrict()
    {
        try
        {
            // What stands in a directory of somebody else would look as if it were not there.
            _ = Directory.EnumerateFileSystemEntries(Path).Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(
                RegistryFault.Inaccessible, $"State directory {Path} cannot be read by user {Environment.UserName}: run this as its owner, or name the right directory", e);
        }

        try
        {
            if ((File.GetUnixFileMode(Path) & ~OnlyOwner) != 0)
                File.SetUnixFileMode(Path, OnlyOwner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(
                RegistryFault.Inaccessible,
                $"State directory {Path} is open to other users and its mode cannot be changed by user {Environment.UserName}: chmod 0700 it, or run as its owner",
                e);
        }
    }
}
