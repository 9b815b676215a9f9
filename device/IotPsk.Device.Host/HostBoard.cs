using System.Globalization;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>This machine as a board: its thermal zone if it has one, its available memory, a file for what is kept over a sleep.</summary>
internal sealed class HostBoard : IBoard
{
    private const string Zones = "/sys/class/thermal";
    private readonly long _start = Environment.TickCount64;
    private readonly string? _stateFile;
    private readonly double? _temperature;
    private readonly FileFirmwareSink? _sink;
    private int _readings;

    /// <summary>A board.</summary>
    /// <param name="stateFile">Where state is kept; null: it cannot be.</param>
    /// <param name="temperature">Degrees Celsius about which the sensor of a machine without a thermal zone varies; null: it has none.</param>
    /// <param name="firmware">Where firmware goes; null: it cannot be changed.</param>
    internal HostBoard(string? stateFile = null, double? temperature = null, FileFirmwareSink? firmware = null)
    {
        _stateFile = stateFile;
        _temperature = temperature;
        _sink = firmware;
        LastUpdate = firmware?.TakeResult() ?? FirmwareResult.Initial;
    }

    public long Uptime => Environment.TickCount64 - _start;

    public string Model => "virtual";

    public string FirmwareVersion => _sink?.RunningVersion ?? typeof(HostBoard).Assembly.GetName().Version?.ToString(3) ?? "0";

    public IFirmwareSink? FirmwareSink => _sink;

    public FirmwareResult LastUpdate { get; }

    /// <summary>The device wants to start anew.</summary>
    internal bool IsRebooting { get; private set; }

    /// <summary>Bytes; 0 where the kernel does not tell.</summary>
    public long FreeMemory
    {
        get
        {
            if (!File.Exists("/proc/meminfo"))
                return 0;
            foreach (string line in File.ReadLines("/proc/meminfo"))
            {
                if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                    return long.Parse(line.AsSpan("MemAvailable:".Length).Trim(" kB"), CultureInfo.InvariantCulture) * 1024;
            }
            return 0;
        }
    }

    public bool TryReadTemperature(out int tenths)
    {
        if (TryReadZone(out tenths))
            return true;
        tenths = _temperature is { } middle ? (int)Math.Round(middle * 10) + (_readings++ % 50) : 0;
        return _temperature is not null;
    }

    /// <summary>This machine has its network already.</summary>
    public bool TryJoinNetwork(int timeout) => true;

    public byte[]? TakeState()
    {
        if (_stateFile is null || !File.Exists(_stateFile))
            return null;
        byte[] state = File.ReadAllBytes(_stateFile);
        File.Delete(_stateFile);
        return state;
    }

    public void KeepState(byte[] state)
    {
        if (_stateFile is null)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(_stateFile)!);
        File.WriteAllBytes(_stateFile, state);
    }

    public void Sleep(int milliseconds)
    {
    }

    public void Reboot() => IsRebooting = true;

    private static bool TryReadZone(out int tenths)
    {
        tenths = 0;
        try
        {
            string? zone = Directory.Exists(Zones) ? Directory.GetDirectories(Zones, "thermal_zone*").Order(StringComparer.Ordinal).FirstOrDefault() : null;
            if (zone is null || !int.TryParse(File.ReadAllText(Path.Combine(zone, "temp")), CultureInfo.InvariantCulture, out int thousandths))
                return false;
            tenths = thousandths / 100;
            return true;
        }
        catch (IOException)
        {
            // A zone whose sensor sleeps.
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
