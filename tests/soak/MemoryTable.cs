using System.Globalization;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Soak.Tests;

/// <summary>What the gateway holds, a line a minute: its memory in MB, and what else could grow.</summary>
internal sealed class MemoryTable(GatewayProcess gateway)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private readonly List<string> _rows = [];
    private TimeSpan _next;

    internal static string Heading => " time  process  runs s  resident  anonymous  committed   used   live  collections  threads  files  sessions  registered  queued";

    internal IReadOnlyList<string> Rows => _rows;

    /// <summary>The line of this minute, once; else null.</summary>
    internal string? Look(TimeSpan now)
    {
        if (now < _next)
            return null;
        _next += Interval;
        Dictionary<string, double> numbers = gateway.Get("/metrics").Body.Split('\n').Where(line => line.Length > 0 && line[0] != '#')
            .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
        double runs = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - numbers["iotpsk_start_time_seconds"];
        string collections = string.Join('/', Enumerable.Range(0, 3).Select(generation => numbers[$"iotpsk_collections_total{{generation=\"{generation}\"}}"]));
        _rows.Add(string.Create(CultureInfo.InvariantCulture,
            $"{now:mm\\:ss} {gateway.Process.Id,8} {runs,7} {Mega("Resident"),9:0.0} {Mega("Anonymous"),10:0.0} {Mega("Committed"),10:0.0} {Mega("Used"),6:0.0} {Mega("Live"),6:0.0} {collections,12} {numbers["iotpsk_threads"],8} {numbers["iotpsk_open_files"],6} {numbers["iotpsk_sessions"],9} {numbers["iotpsk_lwm2m_registrations"],11} {numbers["iotpsk_telemetry_queued"],7}"));
        return _rows[^1];

        double Mega(string kind) => numbers[$"iotpsk_memory_bytes{{kind=\"{kind}\"}}"] / 1e6;
    }
}
