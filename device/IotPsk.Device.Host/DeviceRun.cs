using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>One virtual device: the application, its client, and what both say.</summary>
internal sealed class DeviceRun : ITelemetryListener, IDeviceRun
{
    private readonly Vault _vault;
    private readonly int _slot;
    private readonly HostOptions _options;
    private readonly EventPrinter _printer;
    private readonly Lock _gate = new();
    private readonly string _allArrived;
    private HostBoard _board;
    private VaultConnector _connector;
    private TelemetryClient _client;
    private TelemetryApplication _application;
    private int _acknowledged;
    private volatile bool _hasFailed;
    private bool _stopping;

    internal DeviceRun(Vault vault, int slot, HostOptions options, EventPrinter printer)
    {
        (_vault, _slot, _options, _printer) = (vault, slot, options, printer);
        _allArrived = options.QualityOfService == 0 ? "sent" : "acknowledged";
        Boot();
    }

    public bool Succeeded { get; private set; }

    private string Device => _connector.DeviceId;

    public void Run()
    {
        try
        {
            Succeeded = _application.Run();
            while (TryReboot())
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

    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            _application.Stop();
        }
    }

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

    public void OnCommand(string name, byte[] payload)
    {
        _printer.Print("command", Device, $"command {name}: {Encoding.UTF8.GetString(payload)}", new JsonObject { ["name"] = name, ["payload"] = Encoding.UTF8.GetString(payload) });
        _application.OnCommand(name, payload);
    }

    [MemberNotNull(nameof(_board), nameof(_connector), nameof(_client), nameof(_application))]
    private void Boot()
    {
        var clock = new UptimeClock();
        _board = new HostBoard();
        _connector = new VaultConnector(_vault, _slot);
        _client = new TelemetryClient(_connector, new TelemetryOptions { Reconnect = !_options.Once, QualityOfService = _options.QualityOfService }, this, clock, new Random());
        _application = new TelemetryApplication(_client, _board, new TelemetrySettings { Count = _options.Count, Interval = (int)_options.Interval.TotalMilliseconds }, clock);
    }

    // What a board loses when it starts anew is lost here too: its uptime, and where its messages were.
    private bool TryReboot()
    {
        lock (_gate)
        {
            if (!_board.IsRebooting || _stopping)
                return false;
            _application.Dispose();
            _client.Dispose();
            Boot();
        }
        _printer.Print("rebooted", Device, "rebooted", []);
        return true;
    }
}
