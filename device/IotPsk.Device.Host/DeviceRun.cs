using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>One virtual device: the application, its client, and what both say.</summary>
internal sealed class DeviceRun : ITelemetryListener, IDisposable
{
    private readonly EventPrinter _printer;
    private readonly TelemetryClient _client;
    private readonly TelemetryApplication _application;
    private readonly VaultConnector _connector;
    private readonly string _allArrived;
    private int _acknowledged;
    private volatile bool _hasFailed;

    internal DeviceRun(Vault vault, int slot, HostOptions options, EventPrinter printer)
    {
        _printer = printer;
        _connector = new VaultConnector(vault, slot);
        var clock = new UptimeClock();
        _client = new TelemetryClient(_connector, new TelemetryOptions { Reconnect = !options.Once, QualityOfService = options.QualityOfService }, this, clock, new Random());
        _application = new TelemetryApplication(_client, new HostBoard(), new TelemetrySettings { Count = options.Count, Interval = (int)options.Interval.TotalMilliseconds }, clock);
        _allArrived = options.QualityOfService == 0 ? "sent" : "acknowledged";
    }

    /// <summary>Every message was acknowledged.</summary>
    internal bool Succeeded { get; private set; }

    private string Device => _connector.DeviceId;

    internal void Run()
    {
        try
        {
            Succeeded = _application.Run();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            _hasFailed = true;
            _printer.Problem(Device, problem.Message);
            _client.Stop();
        }
        _printer.Print("done", Device, string.Create(CultureInfo.InvariantCulture, $"done, {_acknowledged} messages acknowledged"),
            new JsonObject { ["acknowledged"] = _acknowledged, ["complete"] = Succeeded });
        if (!Succeeded && !_hasFailed)
            _printer.Problem(Device, $"not every message was {_allArrived}");
    }

    internal void Stop() => _application.Stop();

    public void Dispose()
    {
        _application.Dispose();
        _client.Dispose();
    }

    public void OnConnected(TlsConnectionInfo info) => _printer.Print("connected", Device,
        string.Create(CultureInfo.InvariantCulture, $"connected to {_connector.Address}: {info.VersionName} {info.CipherSuiteName} {info.KeyExchangeName}{(info.IsResumed ? " resumed" : "")}, {(info.IsImported ? "imported" : "external")} PSK, epoch {_connector.Epoch}, handshake {info.HandshakeBytesSent} bytes out, {info.HandshakeBytesReceived} in"),
        new JsonObject
        {
            ["address"] = _connector.Address.ToString(),
            ["version"] = info.VersionName,
            ["suite"] = info.CipherSuiteName,
            ["keyExchange"] = info.KeyExchangeName,
            ["imported"] = info.IsImported,
            ["resumed"] = info.IsResumed,
            ["epoch"] = _connector.Epoch,
            ["handshakeBytesSent"] = info.HandshakeBytesSent,
            ["handshakeBytesReceived"] = info.HandshakeBytesReceived,
        });

    public void OnDisconnected(PskException problem, int retryIn)
    {
        bool last = retryIn < 0;
        _printer.Print(last ? "failed" : "disconnected", Device, $"disconnected: {problem.Message}{(last ? "" : string.Create(CultureInfo.InvariantCulture, $"; again in {retryIn / 1000.0:0.0} s"))}",
            new JsonObject { ["reason"] = problem.Name, ["message"] = problem.Message, ["retryIn"] = last ? null : retryIn });
        if (!last)
            return;
        _hasFailed = true;
        _printer.Problem(Device, problem.Message);
        _application.Stop();
    }

    public void OnAcknowledged(int sequence)
    {
        _acknowledged++;
        _printer.Print("acknowledged", Device, string.Create(CultureInfo.InvariantCulture, $"message {sequence} acknowledged"), new JsonObject { ["seq"] = sequence });
    }

    public void OnCommand(string name, byte[] payload) =>
        _printer.Print("command", Device, $"command {name}: {Encoding.UTF8.GetString(payload)}", new JsonObject { ["name"] = name, ["payload"] = Encoding.UTF8.GetString(payload) });
}
