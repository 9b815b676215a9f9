using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>One virtual device: the application, its client, and what both say.</summary>
internal sealed class DeviceRun : ITelemetryListener, IDeviceRun
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

    public bool Succeeded { get; private set; }

    private string Device => _connector.DeviceId;

    public void Run()
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

    public void Stop() => _application.Stop();

    public void Dispose()
    {
        _application.Dispose();
        _client.Dispose();
    }

    public void OnConnected(TlsConnectionInfo info) => ConnectedEvent.Print(_printer, Device, _connector.Address, _connector.Epoch, info);

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

    public void OnRekeyed(int epoch, PskException problem) => RekeyedEvent.Print(_printer, Device, epoch, problem);

    public void OnCommand(string name, byte[] payload) =>
        _printer.Print("command", Device, $"command {name}: {Encoding.UTF8.GetString(payload)}", new JsonObject { ["name"] = name, ["payload"] = Encoding.UTF8.GetString(payload) });
}
