using System.Globalization;

namespace IotPsk.Gateway.Serving;

/// <summary>What the process holds of the machine.</summary>
internal static class ProcessMetrics
{
    private const string Memory = "Bytes of memory now: Resident in all; Anonymous, without what lies in files; of the managed heap Committed, Used, and Live after the last collection.";

    internal static IEnumerable<Metric> Read()
    {
        string[] status = File.ReadAllLines("/proc/self/status");
        GCMemoryInfo heap = GC.GetGCMemoryInfo();
        yield return new("iotpsk_memory_bytes", Memory, Number(status, "VmRSS:") << 10, "kind", "Resident");
        yield return new("iotpsk_memory_bytes", Memory, Number(status, "RssAnon:") << 10, "kind", "Anonymous");
        yield return new("iotpsk_memory_bytes", Memory, heap.TotalCommittedBytes, "kind", "Committed");
        yield return new("iotpsk_memory_bytes", Memory, GC.GetTotalMemory(forceFullCollection: false), "kind", "Used");
        yield return new("iotpsk_memory_bytes", Memory, heap.HeapSizeBytes - heap.FragmentedBytes, "kind", "Live");
        for (int generation = 0; generation <= GC.MaxGeneration; generation++)
            yield return new("iotpsk_collections_total", "Garbage collections of this generation or an older one.", GC.CollectionCount(generation), "generation", generation.ToString(CultureInfo.InvariantCulture));
        yield return new("iotpsk_threads", "Threads of the process.", Number(status, "Threads:"));
        yield return new("iotpsk_open_files", "File descriptors of the process.", Directory.EnumerateFileSystemEntries("/proc/self/fd").Count());
    }

    // "RssAnon:	   47600 kB"
    private static long Number(string[] status, string name) =>
        status.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture) : 0;
}
