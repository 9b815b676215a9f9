using System.Security.Cryptography;

namespace IotPsk.Device.Host;

/// <summary>Firmware of a virtual device: a file that comes in, one that is whole, and the one that the device "runs".</summary>
internal sealed class FileFirmwareSink(string directory, string device) : IFirmwareSink, IDisposable
{
    // The size of a slot on a board with 4 MB of flash.
    private const int Capacity = 1856 << 10;

    private readonly string _incoming = Path.Combine(directory, device + ".part");
    private readonly string _whole = Path.Combine(directory, device + ".next");
    private readonly string _running = Path.Combine(directory, device + ".bin");
    private readonly string _result = Path.Combine(directory, device + ".result");
    private FileStream? _file;

    public string? PackageName => File.Exists(_whole) ? device : null;

    public string? PackageVersion => VersionOf(_whole);

    /// <summary>Of what the device runs; null if it was never changed.</summary>
    internal string? RunningVersion => VersionOf(_running);

    public bool Begin(int size)
    {
        Abort();
        if (size > Capacity)
            return false;
        Directory.CreateDirectory(directory);
        _file = new FileStream(_incoming, FileMode.Create, FileAccess.Write);
        return true;
    }

    public bool Write(byte[] buffer, int offset, int count)
    {
        if (_file is null || _file.Length + count > Capacity)
            return false;
        _file.Write(buffer, offset, count);
        return true;
    }

    public bool Finish()
    {
        bool isSomething = _file is { Length: > 0 };
        _file?.Dispose();
        _file = null;
        if (isSomething)
            File.Move(_incoming, _whole, overwrite: true);
        return isSomething;
    }

    public void Abort()
    {
        _file?.Dispose();
        _file = null;
        File.Delete(_incoming);
        File.Delete(_whole);
    }

    /// <summary>The device wants to start with it: whoever runs it has to start it anew.</summary>
    internal Action? Applied { get; set; }

    public bool Apply()
    {
        if (!File.Exists(_whole))
            return false;
        File.Move(_whole, _running, overwrite: true);
        File.WriteAllText(_result, "1");
        Applied?.Invoke();
        return true;
    }

    /// <summary>What became of the update before this start, once.</summary>
    internal FirmwareResult TakeResult()
    {
        if (!File.Exists(_result))
            return FirmwareResult.Initial;
        File.Delete(_result);
        return FirmwareResult.Success;
    }

    public void Dispose() => _file?.Dispose();

    // The beginning of its digest.
    private static string? VersionOf(string path)
    {
        if (!File.Exists(path))
            return null;
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file))[..12];
    }
}
