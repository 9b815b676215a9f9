using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;
using IotPsk.TestSupport;

namespace IotPsk.Soak.Tests;

/// <summary>
/// Ten minutes of a fleet's life, for <c>make soak</c> alone: 2 000 devices of both kinds in four processes, while broker, TPM daemon and
/// gateway are killed and started again by chance and datagrams get lost. What a device was told has arrived has arrived, and memory stays.
/// </summary>
public sealed class SoakTests : IDisposable
{
    private const int PerProcess = 500;
    // Two gateways are compared when both have run for so long with the whole fleet: by then all came back, and the compiler found what is used often.
    private static readonly TimeSpan End = TimeSpan.FromMinutes(Number("SOAK_MINUTES", 10)), Warm = End / 5, LastKill = End / 2, Trouble = End * 0.8;
    // Fifty values follow one another before the first comes again: in a run each of a device's is another.
    private static readonly string[] Datagrams = ["--lwm2m", "--interval", "15", "--temperature", "20", "--first-timeout", "1000"];
    private readonly TempDirectory _directory = new();
    private readonly string _logs = Repository.LogDirectory("soak");
    private readonly Swtpm _tpm;
    private readonly Broker _broker;
    private readonly GatewayProcess _gateway;
    private readonly MemoryTable _table;
    private readonly Stopwatch _running = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public SoakTests()
    {
        _tpm = new Swtpm(_directory.Create("tpm"), _logs);
        _broker = new Broker(_directory.Create("broker"), _logs, isPersistent: true);
        _gateway = new GatewayProcess(_directory, _logs, _tpm.Tcti, _broker.Port);
        _table = new MemoryTable(_gateway);
    }

    [Fact]
    public void What_devices_were_told_has_arrived_is_at_the_subscriber_whatever_broke_in_between()
    {
        int seed = Number("SOAK_SEED", 1);
        Say($"{End.TotalMinutes} minutes (SOAK_MINUTES), seed {seed} (SOAK_SEED); logs in {_logs}");
        _gateway.Must("fleet", "init", "--server-id", "soak");
        Enroll("m", PerProcess * 2);
        Enroll("l", PerProcess * 2);
        StartGateway();
        using var relay = new UdpRelay(new(System.Net.IPAddress.Loopback, _gateway.CoapPort), new Impairment { Loss = 0.05, Duplication = 0.02, Reordering = 0.02, Delay = TimeSpan.FromMilliseconds(20) }, seed);
        RouteThrough(relay.EndPoint.Port);
        using ChildProcess subscriber = _broker.Subscribe("iotpsk/#", "soak");

        ChildProcess[] devices = [Devices("m", 0, "--interval", "15"), Devices("m", 1, "--interval", "15"), Devices("l", 0, Datagrams), Devices("l", 1, Datagrams)];
        try
        {
            (long early, long settled) = Live(new Random(seed));
            long late = GatewayMemory();
            Say(string.Join('\n', ["the gateway each minute, memory in MB:", MemoryTable.Heading, .. _table.Rows]));
            Say($"gateway: {early / 1e6:0.0} MB at {Warm:mm\\:ss}; the last one {settled / 1e6:0.0} MB after as long, and {late / 1e6:0.0} MB at the end, after {_running.Elapsed:mm\\:ss}");
            foreach (ChildProcess process in devices)
                process.Signal("TERM");
            foreach (ChildProcess process in devices)
                process.WaitForExit(TimeSpan.FromMinutes(1));
            Dictionary<string, int> told = devices.SelectMany(process => process.Lines).Where(IsTold).Select(line => JsonNode.Parse(line)!)
                .DistinctBy(said => $"{said["device"]} {said["seq"]}").CountBy(said => said["device"]!.GetValue<string>()).ToDictionary();
            Say($"{told.Values.Sum()} values of {told.Count} devices were acknowledged");
            Assert.Equal(4 * PerProcess, told.Count);
            Assert.True(told.Values.Sum() > 4 * PerProcess * End / TimeSpan.FromMinutes(1), "most devices are served most of the time");
            Poll.Until(() => Missing(told, subscriber).Count == 0, "everything that was acknowledged arrives",
                () => string.Join('\n', Missing(told, subscriber).Take(20)), TimeSpan.FromMinutes(2));
            Assert.True(late <= early * 1.1, $"the gateway holds {late} bytes at the end, {early} at minute 2");
            Assert.True(late <= settled * 1.1, $"the gateway holds {late} bytes at the end, {settled} when its process was as old as the first one at minute 2");
        }
        finally
        {
            foreach (ChildProcess process in devices)
                process.Dispose();
        }
    }

    public void Dispose()
    {
        _gateway.Dispose();
        _broker.Dispose();
        _tpm.Dispose();
        _directory.Dispose();
    }

    // Nobody is killed, to see what a gateway holds that goes on.
    private static bool IsCalm => Number("SOAK_CALM", 0) != 0;

    // From the second fifth of the time to the fourth one after the other is killed; the gateway first, and up to the half of it, so that the last one runs for long.
    // Gives what the gateway holds at the end of the first fifth, and what the last one holds once it has run as long as that.
    private (long Early, long Settled) Live(Random random)
    {
        long early = 0, settled = 0;
        int settledProcess = 0;
        Action next = KillGateway;
        TimeSpan at = TimeSpan.Zero;
        Action[] troubles = [RestartBroker, KillTpm, KillGateway];
        Say(MemoryTable.Heading);
        while (_clock.Elapsed < End)
        {
            Thread.Sleep(1000);
            if (_table.Look(_clock.Elapsed) is { } row)
                Say(row);
            if (settledProcess != _gateway.Process.Id && _running.Elapsed >= Warm && IsWhole())
                (settledProcess, settled) = (_gateway.Process.Id, GatewayMemory());
            if (early == 0)
                early = settled;
            if (IsCalm || early == 0 || _clock.Elapsed < at || _clock.Elapsed > Trouble)
                continue;
            next();
            at = _clock.Elapsed + TimeSpan.FromSeconds(random.Next(10, 40));
            next = troubles[random.Next(at < LastKill ? 3 : 2)];
        }
        Poll.Until(IsWhole, "all devices are back", patience: TimeSpan.FromMinutes(2));
        return (early, settled);
    }

    private bool IsWhole() => _gateway.Metric("iotpsk_sessions") >= 4 * PerProcess;

    private void StartGateway()
    {
        _gateway.Start(isVerbose: false);
        _running.Restart();
    }

    private void KillGateway()
    {
        Say("gateway killed");
        _gateway.Kill();
        StartGateway();
    }

    private void RestartBroker()
    {
        Say("broker restarted");
        _broker.StopInOrder();
        Thread.Sleep(3000);
        _broker.Start();
    }

    private void KillTpm()
    {
        Say("TPM daemon killed");
        _tpm.Kill();
        Thread.Sleep(3000);
        _tpm.Start();
    }

    // What the process has of its own, not what it shares with the page cache; of the managed heap what a full collection leaves, for the room that the
    // collector keeps for new objects goes up and down with the load. The least within some seconds.
    private long GatewayMemory()
    {
        FullCollection.Run(_gateway);
        double live = Memory("Live"), committed = Memory("Committed"), least = double.MaxValue;
        for (int i = 0; i < 20 && committed == Memory("Committed"); i++)
        {
            least = Math.Min(least, Memory("Anonymous") - committed + live);
            Thread.Sleep(500);
        }
        return (long)least;

        double Memory(string kind) => _gateway.Metric("iotpsk_memory_bytes", $"kind=\"{kind}\"");
    }

    private void Enroll(string prefix, int count)
    {
        _gateway.Must("device", "enroll", prefix + "-0001", "--count", count.ToString(CultureInfo.InvariantCulture));
        string all = _directory.File("bundles-" + prefix);
        string list = _directory.File(prefix + ".csv");
        File.WriteAllLines(list, Enumerable.Range(1, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{prefix}-{i:0000}")));
        _gateway.Must("device", "credentials", "--from-csv", list, "--format", "bundle", "-o", all);
        string[] files = [.. Directory.GetFiles(all).Order(StringComparer.Ordinal)];
        Assert.Equal(count, files.Length);
        for (int i = 0; i < files.Length; i++)
            File.Move(files[i], Path.Combine(_directory.Create($"{prefix}-{i / PerProcess}"), Path.GetFileName(files[i])));
    }

    private void RouteThrough(int port)
    {
        foreach (string file in Enumerable.Range(0, 2).SelectMany(i => Directory.GetFiles(_directory.Create($"l-{i}"))))
        {
            byte[] content = File.ReadAllBytes(file);
            CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
            bundle.DtlsAddress = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
            File.WriteAllBytes(file, bundle.Encode());
        }
    }

    private ChildProcess Devices(string prefix, int part, params string[] arguments) => ChildProcess.Start(Repository.Device,
        ["--bundle", _directory.File($"{prefix}-{part}"), "--vault", _directory.Create($"vault-{prefix}-{part}"), "--json", .. arguments], Path.Combine(_logs, $"devices-{prefix}-{part}.log"));

    private static bool IsTold(string line) => line.StartsWith("{\"event\":\"acknowledged\"", StringComparison.Ordinal);

    // The devices of which less arrived than they were told. Each message of a device is another, so that a double does not stand in for a lost one.
    private static List<string> Missing(Dictionary<string, int> told, ChildProcess subscriber)
    {
        var arrived = subscriber.Lines.SelectMany(Messages).Distinct().CountBy(message => message.Device).ToDictionary();
        return [.. told.Where(t => arrived.GetValueOrDefault(t.Key) < t.Value).Select(t => $"{t.Key} was told of {t.Value}, {arrived.GetValueOrDefault(t.Key)} arrived")];
    }

    // "iotpsk/m-0001/telemetry {...,"seq":7,...}" or "iotpsk/l-0001/3303/0/5700 [{...,"v":20.3}]".
    private static IEnumerable<(string Device, string What)> Messages(string line)
    {
        int end = line.IndexOf(' ');
        return end < 0 ? [] : line[..end].Split('/') switch
        {
            ["iotpsk", var device, "telemetry"] => [(device, JsonNode.Parse(line[(end + 1)..])!["seq"]!.ToString())],
            ["iotpsk", var device, "3303", "0", "5700"] => JsonNode.Parse(line[(end + 1)..])!.AsArray().Select(record => (device, record!["v"]!.ToString())),
            _ => [],
        };
    }

    private static int Number(string variable, int usual) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

    private void Say(string what) => File.AppendAllText(Path.Combine(_logs, "progress.log"), string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed:mm\\:ss} {what}\n"));
}
