using System.Globalization;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>This machine as a board: its thermal zone if it has one, and its available memory.</summary>
internal sealed class HostBoard : IBoard
{
    /// <summary>It is to start anew: its run makes another board.</summary>
    public bool IsRebooting { get; private set; }

    public void Reboot() => IsRebooting = true;

    private const string Zones = "/sys/class/thermal";
    private readonly long _start = Environment.TickCount64;

    public long Uptime => Environment.TickCount64 - _start;

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
