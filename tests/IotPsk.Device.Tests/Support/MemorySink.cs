namespace IotPsk.Device.Tests.Support;

/// <summary>Firmware in memory, with the faults that a flash can have.</summary>
internal sealed class MemorySink(int capacity = 300 << 10) : IFirmwareSink
{
    internal MemoryStream Package { get; } = new();

    internal bool IsSound { get; set; } = true;

    internal bool CanApply { get; set; } = true;

    internal int Applied { get; private set; }

    internal int Begun { get; private set; }

    internal int Aborted { get; private set; }

    /// <summary>What erasing takes.</summary>
    internal Action? Erasing { get; set; }

    public string? PackageName => Package.Length > 0 ? "iotpsk" : null;

    public string? PackageVersion => Package.Length > 0 ? "2.0" : null;

    public bool Begin(int size)
    {
        Begun++;
        Erasing?.Invoke();
        Package.SetLength(0);
        return size <= capacity;
    }

    public bool Write(byte[] buffer, int offset, int count)
    {
        Package.Write(buffer, offset, count);
        return Package.Length <= capacity;
    }

    public bool Finish() => IsSound;

    public void Abort()
    {
        Aborted++;
        Package.SetLength(0);
    }

    public bool Apply()
    {
        Applied++;
        return CanApply;
    }
}
