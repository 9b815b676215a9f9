using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>One virtual device that speaks LwM2M: run after run, for a device that sleeps or starts anew has many.</summary>
internal sealed class Lwm2mRun : ITelemetryListener, IDeviceRun
{
    private readonly Vault _vault;
    private readonly int _slot;
    private readonly HostOptions _options;
    private readonly EventPrinter _printer;
    private readonly string _device;
    private readonly UptimeClock _clock = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly Lock _gate = new();
    private TelemetryApplication? _application;
    private VaultDatagramConnector? _connector;
    private int _acknowledged, _interval;
    private volatile bool _hasFailed;

    internal Lwm2mRun(Vault vault, int slot, HostOptions options, EventPrinter printer)
    {
        _vault = vault;
        _slot = slot;
        _options = options;
        _printer = printer;
        _device = vault.Describe(slot).DeviceId;
        _interval = (int)options.Interval.TotalMilliseconds;
    }

    public bool Succeeded { get; private set; }

    public void Run()
    {
        try
        {
            Succeeded = RunAll();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            _hasFailed = true;
            _printer.Problem(_device, problem.Message);
        }
        _printer.Print("done", _device, string.Create(CultureInfo.InvariantCulture, $"done, {_acknowledged} values acknowledged"),
            new JsonObject { ["acknowledged"] = _acknowledged, ["complete"] = Succeeded });
        if (!Succeeded && !_hasFailed)
            _printer.Problem(_device, "not every value was acknowledged");
    }

    public void Stop()
    {
        _stop.Set();
        lock (_gate)
            _application?.Stop();
    }

    public void Dispose() => _stop.Dispose();

    public void OnConnected(TlsConnectionInfo info) => ConnectedEvent.Print(_printer, _device, _connector!.Address, _vault.Describe(_slot).Epoch, info);

    public void OnRekeyed(int epoch, PskException problem) => RekeyedEvent.Print(_printer, _device, epoch, problem);

    public void OnDisconnected(PskException problem, int retryIn)
    {
        bool last = retryIn < 0;
        _printer.Print(last ? "failed" : "disconnected", _device, $"disconnected: {problem.Message}{(last ? "" : string.Create(CultureInfo.InvariantCulture, $"; again in {retryIn / 1000.0:0.0} s"))}",
            new JsonObject { ["reason"] = problem.Name, ["message"] = problem.Message, ["retryIn"] = last ? null : retryIn });
        if (!last)
            return;
        _hasFailed = true;
        _printer.Problem(_device, problem.Message);
        Stop();
    }

    public void OnAcknowledged(int sequence)
    {
        _acknowledged++;
        _printer.Print("acknowledged", _device, string.Create(CultureInfo.InvariantCulture, $"value {sequence} acknowledged"), new JsonObject { ["seq"] = sequence });
    }

    public void OnCommand(string name, byte[] payload)
    {
        lock (_gate)
            _application?.OnCommand(name, payload);
    }

    private bool RunAll()
    {
        bool complete = true;
        for (int sent = 0; !_stop.IsSet && (_options.Count == 0 || sent < _options.Count); sent++)
        {
            if (sent > 0 && _stop.Wait(_interval))
                break;
            bool isDone = RunOnce(out bool restarts);
            if (restarts)
            {
                _printer.Print("rebooted", _device, "rebooted");
                sent--;
                continue;
            }
            complete &= isDone;
            if (!_options.Sleeps)
                return complete;
        }
        return complete && !_hasFailed;
    }

    // From one start of the device to its sleep, its restart or its end.
    private bool RunOnce(out bool restarts)
    {
        using FileFirmwareSink? sink = _options.Firmware is { } directory ? new FileFirmwareSink(directory, _device) : null;
        var board = new HostBoard(Path.Combine(_options.Vault, "state", _device), _options.Temperature, sink);
        _connector = new VaultDatagramConnector(_vault, _slot, new DatagramOptions { UseConnectionId = _options.UseConnectionId, UseEcdhe = _options.UseEcdhe, FirstTimeout = _options.FirstTimeout }, _clock);
        var objects = new BoardObjects(board, _device, _clock);
        using var client = new TelemetryClient(_connector, new TelemetryOptions
        {
            Protocol = TelemetryProtocol.Lwm2m,
            Reconnect = !_options.Once,
            Lwm2m = new Lwm2mOptions { Lifetime = _options.Lifetime, IsQueueMode = _options.Sleeps },
            Objects = objects.ToArray(),
            State = board.TakeState(),
        }, this, _clock, new Random());
        using var application = new TelemetryApplication(client, board, new TelemetrySettings
        {
            Protocol = TelemetryProtocol.Lwm2m,
            Count = _options.Count,
            Interval = _interval,
            Sleeps = _options.Sleeps,
            AwakeTime = (int)_options.Awake.TotalMilliseconds,
        }, _clock, objects);
        if (sink is not null)
            sink.Applied = application.Restart;
        lock (_gate)
            _application = application;
        if (_stop.IsSet)
            application.Stop();
        bool complete = application.Run();
        _interval = application.Interval;
        lock (_gate)
            _application = null;
        restarts = board.IsRebooting;
        return complete;
    }
}
