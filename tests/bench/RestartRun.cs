using System.Diagnostics;
using System.Globalization;
using System.Text;
using IotPsk.Keys;
using IotPsk.TestSupport;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>A whole fleet comes back to a gateway that was restarted, and whose TPM takes 20 ms a command.</summary>
internal sealed class RestartRun : IDisposable
{
    private const int QueueCapacity = 256, MostCommands = 100, CrowdPerSecond = 1000, ProbesPerSecond = 50;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(20), Long = TimeSpan.FromMinutes(10);
    private readonly bool _counts;
    private readonly int _devices, _known, _ticketed;
    private readonly TextWriter _output;
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-bench-").FullName;
    private readonly int _mqtt = ServerProcess.FreePort(), _coap = ServerProcess.FreePort(), _http = ServerProcess.FreePort();
    private readonly ServerProcess _swtpm;
    private readonly TpmProxy _tpm;
    private readonly HttpClient _client = new();
    private ServerProcess? _gateway;
    private int _failures;

    private RestartRun(bool counts, TextWriter output)
    {
        (_counts, _output) = (counts, output);
        (_devices, _known, _ticketed) = counts ? (2000, 200, 200) : (100_000, 1000, 5000);
        int port = ServerProcess.FreePort();
        _swtpm = Peers.SoftwareTpm(_directory, port);
        _tpm = new TpmProxy(port) { Remembers = false };
    }

    private string State => Path.Combine(_directory, "state");

    private string Configuration => Path.Combine(_directory, "iotpsk.json");

    internal static int Run(bool counts, TextWriter output)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var run = new RestartRun(counts, output);
        run.All();
        return run._failures == 0 ? 0 : 1;
    }

    private void All()
    {
        (Identity[] tls12, Identity[] tls13) = Enrol();
        Say($"{_devices} devices, DTLS 1.2 PSK AES_128_CCM_8, each connects and closes; {Environment.ProcessorCount} cores for gateway, TPM and devices together");
        Cached(tls12);
        Tickets(tls13);
        Cold(tls12);
    }

    private void Cached(Identity[] devices)
    {
        Start(keepCache: true);
        (double firstSeconds, _) = Visit(devices);
        Stop();
        _tpm.Delay = Slow;
        int before = _tpm.Commands;
        Start(keepCache: true);
        (double seconds, long served) = Visit(devices);
        int commands = _tpm.Commands - before;
        Say($"first contact, TPM not slowed        {firstSeconds,8:0.0} s");
        Say($"after the restart, sealed cache      {seconds,8:0.0} s, {served} served, {commands} TPM commands since the start, of 20 ms each");
        Hold(served == devices.Length, "every device is served from the sealed cache");
        Hold(commands < MostCommands, $"fewer than {MostCommands} TPM commands with the sealed cache");
        Stop();
        _tpm.Delay = TimeSpan.Zero;
    }

    private void Tickets(Identity[] devices)
    {
        Start(keepCache: false);
        var tickets = new PskTlsTicket?[_ticketed];
        for (int i = 0; i < _ticketed; i++)
            tickets[i] = Connect(new PskTlsCredential(Encoding.ASCII.GetBytes(devices[i].Name), devices[i].Key, PskBinder.External, TlsHash.Sha256));
        Stop();
        _tpm.Delay = Slow;
        int before = _tpm.Commands;
        Start(keepCache: false);
        long begin = Stopwatch.GetTimestamp();
        foreach (PskTlsTicket? ticket in tickets)
        {
            using PskTlsTicket held = ticket ?? throw new InvalidOperationException("a session without a ticket");
            Connect(held.ToCredential(1000))?.Dispose();
        }
        int commands = _tpm.Commands - before;
        Say($"after the restart, tickets, TLS 1.3  {Stopwatch.GetElapsedTime(begin).TotalSeconds,8:0.0} s, {_ticketed} resumed one by one, {commands} TPM commands since the start");
        Hold(Metric("iotpsk_sessions_resumed_total") >= _ticketed, "every session is resumed");
        Hold(commands < MostCommands, $"fewer than {MostCommands} TPM commands with tickets");
        Stop();
        _tpm.Delay = TimeSpan.Zero;
    }

    private void Cold(Identity[] devices)
    {
        File.Delete(Path.Combine(State, "keys.sealed"));
        Start(keepCache: false);
        Visit(devices[.._known]);
        _tpm.Delay = Slow;
        using var alone = new DtlsCrowd(_coap, devices[.._known], again: true);
        alone.Run(TimeSpan.FromSeconds(_counts ? 1 : 20), ProbesPerSecond);
        using DtlsCrowd known = new(_coap, devices[.._known], again: true), crowd = new(_coap, devices[_known..], again: false);
        TimeSpan time = TimeSpan.FromSeconds(_counts ? 5 : 60);
        int step = _counts ? 1 : 10, deepest = 0;
        var threads = new List<Thread> { new(() => known.Run(time, ProbesPerSecond)), new(() => crowd.Run(time, CrowdPerSecond)) };
        threads.ForEach(static thread => thread.Start());
        Say($"cold: {devices.Length - _known} devices whose keys nobody has, {CrowdPerSecond} attempts a second, beside {_known} known ones");
        Say($"{"s",6}{"queue",8}{"served",10}{"refused",10}{"silent",8}{"known",8}");
        long begin = Stopwatch.GetTimestamp(), servedBefore = 0;
        for (int next = step; threads.Exists(static thread => thread.IsAlive); Thread.Sleep(50))
        {
            deepest = Math.Max(deepest, (int)Metric("iotpsk_tpm_queue_depth"));
            if (Stopwatch.GetElapsedTime(begin).TotalSeconds < next)
                continue;
            Say($"{next,6}{deepest,8}{crowd.Served,10}{crowd.Refused,10}{crowd.Unanswered,8}{known.Served,8}");
            Hold(crowd.Served > servedBefore, $"progress grows up to {next} s");
            (servedBefore, next) = (crowd.Served, next + step);
        }
        threads.ForEach(static thread => thread.Join());
        Hold(deepest <= QueueCapacity / 2, $"strangers fill half of the TPM's queue at most ({deepest} of {QueueCapacity})");
        Hold(known.Refused + known.Unanswered == 0, "every known device is served");
        double p99Alone = Percentile(alone.Latencies), p99 = Percentile(known.Latencies);
        Say($"known devices' handshakes, p99: {p99Alone:0.00} ms alone, {p99:0.00} ms beside the crowd ({p99 / p99Alone:0.00} x)");
        if (!_counts)
            Hold(p99 <= 2 * p99Alone, "the known devices' p99 stays within 2 x");
        Stop();
    }

    private (double Seconds, long Served) Visit(Identity[] devices)
    {
        using var all = new DtlsCrowd(_coap, devices, again: false);
        long begin = Stopwatch.GetTimestamp();
        all.Run(Long, 0);
        return (Stopwatch.GetElapsedTime(begin).TotalSeconds, all.Served);
    }

    private PskTlsTicket? Connect(PskTlsCredential credential)
    {
        byte[] connect = [0x10, 12, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 0];
        using (credential)
        using (TlsConnection connection = TlsConnection.Open(_mqtt, new PskTlsClientOptions { Credentials = [credential], Groups = [NamedGroup.Secp256r1] }))
        {
            connection.Send(connect);
            connection.Receive(4);                  // there is no broker: a CONNACK that says so
            return connection.TakeTicket();
        }
    }

    private (Identity[] Tls12, Identity[] Tls13) Enrol()
    {
        StateDirectory state = StateDirectory.OpenOrCreate(State);
        using var tpm = new EsysTpm(_tpm.Tcti);
        FleetRecord fleet = FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "bench" });
        using IRegistry registry = RegistrySource.Sqlite(state).Open();
        registry.EnrolMany(Enumerable.Range(0, _devices).Select(i => string.Create(CultureInfo.InvariantCulture, $"device-{i:000000}")));
        tpm.Open();
        return ([.. registry.Devices.Select(device => Derive(device, KeyUse.Psk12))], [.. registry.Devices.Take(_ticketed).Select(device => Derive(device, KeyUse.External13))]);

        Identity Derive(DeviceRecord device, KeyUse use)
        {
            using DeviceKey key = DeviceKey.Derive(tpm, fleet, device, use);
            return new Identity(key.ExternalIdentity, key.Key.ToArray());
        }
    }

    private void Start(bool keepCache)
    {
        File.WriteAllText(Configuration, $$"""
            { "State": "{{State}}", "Tpm": { "Tcti": "{{_tpm.Tcti}}", "KeepKeyCache": {{(keepCache ? "true" : "false")}} },
              "Listeners": [
                { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:{{_mqtt}}", "Upstream": "tcp://127.0.0.1:{{_http + 1}}" },
                { "Name": "coap", "Protocol": "lwm2m", "Listen": "udp://127.0.0.1:{{_coap}}" } ],
              "Admin": { "Socket": "{{Path.Combine(_directory, "admin.sock")}}", "Http": "http://127.0.0.1:{{_http}}" } }
            """, new UTF8Encoding(false));
        _gateway = new ServerProcess(Peers.GatewayProgram(), ["serve", "--config", Configuration], _http);
    }

    private void Stop()
    {
        _gateway?.Stop();
        _gateway = null;
    }

    private double Metric(string name) => _client.GetStringAsync(new Uri($"http://127.0.0.1:{_http}/metrics")).GetAwaiter().GetResult().Split('\n')
        .Where(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Sum(line => double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture));

    private static double Percentile(List<double> values)
    {
        values.Sort();
        return values[values.Count * 99 / 100];
    }

    private void Say(string line)
    {
        _output.WriteLine(line);
        _output.Flush();
    }

    private void Hold(bool holds, string what)
    {
        if (holds)
            return;
        _failures++;
        Say("does not hold: " + what);
    }

    public void Dispose()
    {
        _gateway?.Dispose();
        _tpm.Dispose();
        _swtpm.Dispose();
        _client.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
