using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The executable <c>iotpsk</c> with a configuration file of its own: its verbs, and <c>serve</c> as a process.</summary>
internal sealed class GatewayProcess : IDisposable
{
    private readonly string _log;
    private readonly HttpClient _http = new() { Timeout = Poll.Patience };
    private readonly int _httpPort = FreePorts.Take();
    private ChildProcess? _process;

    public GatewayProcess(TempDirectory directory, string logDirectory, string tcti, int brokerPort)
    {
        _log = Path.Combine(logDirectory, "gateway.log");
        State = directory.Create("state");
        ConfigurationFile = directory.File("iotpsk.json");
        Configuration = JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "State": "{{State}}",
              "Tpm": { "Tcti": "{{tcti}}" },
              "Listeners": [
                { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:{{Port}}", "Upstream": "tcp://127.0.0.1:{{brokerPort}}" },
                { "Name": "http", "Protocol": "tunnel", "Listen": "tcp://127.0.0.1:{{TunnelPort}}", "Upstream": "tcp://127.0.0.1:{{_httpPort}}", "AllowPskKe": true },
                { "Name": "lwm2m", "Protocol": "lwm2m", "Listen": "udp://127.0.0.1:{{CoapPort}}", "Echo": true } ],
              "Telemetry": { "Mqtt": "tcp://127.0.0.1:{{brokerPort}}" },
              "Admin": { "Socket": "{{directory.File("admin.sock")}}", "Http": "http://127.0.0.1:{{_httpPort}}" }
            }
            """))!.AsObject();
        WriteConfiguration();
    }

    public int Port { get; } = FreePorts.Take();

    /// <summary>The listener that leads to the gateway's own HTTP, for clients that speak no MQTT. It takes psk_ke too.</summary>
    public int TunnelPort { get; } = FreePorts.Take();

    /// <summary>The UDP listener; it serves <c>/echo</c>.</summary>
    public int CoapPort { get; } = FreePorts.Take();

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    public string State { get; }

    public string ConfigurationFile { get; }

    public JsonObject Configuration { get; }

    /// <summary>What the next <see cref="Start"/> adds to the environment.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public ChildProcess Process => _process ?? throw new InvalidOperationException("The gateway is not started.");

    public void WriteConfiguration() =>
        File.WriteAllText(ConfigurationFile, Configuration.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));

    /// <summary>A verb, with this gateway's configuration.</summary>
    public CommandResult Run(params string[] arguments) =>
        ChildProcess.Run(Repository.Gateway, [.. arguments, "--config", ConfigurationFile]);

    /// <summary>A verb that has to succeed; gives what it printed.</summary>
    public string Must(params string[] arguments)
    {
        CommandResult result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"iotpsk {string.Join(' ', arguments)}: {result}");
        return result.Output;
    }

    public JsonNode MustJson(params string[] arguments) => JsonNode.Parse(Must([.. arguments, "--json"]))!;

    /// <summary>Starts it and waits until it is healthy; it logs verbosely, as the worst case of what a log may give away.</summary>
    public void Start(bool isVerbose = true)
    {
        _process = ChildProcess.Start(Repository.Gateway, ["serve", .. isVerbose ? ["--verbose"] : Array.Empty<string>(), "--config", ConfigurationFile], _log, Environment);
        Poll.Until(() => _process.HasExited ? throw new InvalidOperationException(_process.Tail()) : IsHealthy(), "the gateway is ready", _process.Tail);
    }

    /// <summary>As a power cut does it.</summary>
    public void Kill()
    {
        _process?.Dispose();
        _process = null;
    }

    public void Stop()
    {
        if (_process is null)
            return;
        _process.Stop();
        _process.Dispose();
        _process = null;
    }

    /// <summary>The live sessions, as the admin socket tells them.</summary>
    public JsonArray Sessions() => MustJson("session", "list").AsArray();

    /// <summary>What HTTP answers on a path: status and body.</summary>
    public (HttpStatusCode Status, string Body) Get(string path)
    {
        using HttpResponseMessage response = _http.Send(new HttpRequestMessage(HttpMethod.Get, Url(path)));
        return (response.StatusCode, response.Content.ReadAsStringAsync().GetAwaiter().GetResult());
    }

    public bool IsHealthy()
    {
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Get, Url("/healthz"));
            using HttpResponseMessage response = _http.Send(request);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>The sum of all series of a metric whose labels hold <paramref name="labels"/>.</summary>
    public double Metric(string name, params string[] labels)
    {
        double sum = 0;
        foreach (string line in _http.GetStringAsync(Url("/metrics")).GetAwaiter().GetResult().Split('\n'))
        {
            string series = line.Split(' ')[0];
            if ((series == name || series.StartsWith(name + "{", StringComparison.Ordinal)) && labels.All(label => series.Contains(label, StringComparison.Ordinal)))
                sum += double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
        }

        return sum;
    }

    /// <summary>Where the log is now; lines after it belong to what comes next.</summary>
    public int Mark() => Process.Lines.Count;

    /// <summary>The one line that the log got after <paramref name="mark"/> with all these words.</summary>
    public string WaitForLog(int mark, params string[] words) =>
        Process.WaitForLine(line => words.All(word => line.Contains(word, StringComparison.OrdinalIgnoreCase)),
            "the gateway's log has a line with: " + string.Join(", ", words), mark);

    public void Dispose()
    {
        _process?.Dispose();
        _http.Dispose();
    }

    private Uri Url(string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_httpPort}{path}"));
}
