using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Device.App;

namespace IotPsk.Device.Host;

/// <summary>One virtual device that speaks CoAP over DTLS.</summary>
internal sealed class DatagramRun : IDatagramListener, IDeviceRun
{
    private readonly EventPrinter _printer;
    private readonly DatagramApplication _application;
    private readonly Vault _vault;
    private readonly int _slot;
    private int _answered;
    private bool _hasFailed;

    internal DatagramRun(Vault vault, int slot, HostOptions options, EventPrinter printer)
    {
        _printer = printer;
        (_vault, _slot) = (vault, slot);
        _application = new DatagramApplication(vault, slot, new DatagramSettings
        {
            Count = options.Count,
            Interval = (int)options.Interval.TotalMilliseconds,
            Path = options.Path,
            Sleeps = options.Sleeps,
            Reconnect = !options.Once,
            Session = new DatagramOptions { UseConnectionId = options.UseConnectionId, UseEcdhe = options.UseEcdhe, FirstTimeout = options.FirstTimeout },
        }, new HostBoard(), this, new UptimeClock(), new Random());
    }

    public bool Succeeded { get; private set; }

    private string Device => _application.DeviceId;

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
        }
        _printer.Print("done", Device, string.Create(CultureInfo.InvariantCulture, $"done, {_answered} messages answered"),
            new JsonObject { ["acknowledged"] = _answered, ["complete"] = Succeeded });
        if (!Succeeded && !_hasFailed)
            _printer.Problem(Device, "not every message was taken");
    }

    public void Stop() => _application.Stop();

    public void Dispose() => _application.Dispose();

    public void OnConnected(TlsConnectionInfo info) => ConnectedEvent.Print(_printer, Device, _application.Address, _vault.Describe(_slot).Epoch, info);

    public void OnAnswered(int sequence, CoapResponse response)
    {
        _answered++;
        string code = string.Create(CultureInfo.InvariantCulture, $"{(int)response.Code >> 5}.{(int)response.Code & 31:00}");
        _printer.Print("acknowledged", Device, string.Create(CultureInfo.InvariantCulture, $"message {sequence} answered {code}"),
            new JsonObject { ["seq"] = sequence, ["code"] = code, ["payload"] = Encoding.UTF8.GetString(response.Payload) });
    }

    public void OnFailed(PskException problem, int retryIn)
    {
        bool last = retryIn < 0;
        _printer.Print(last ? "failed" : "disconnected", Device, $"no association: {problem.Message}{(last ? "" : string.Create(CultureInfo.InvariantCulture, $"; again in {retryIn / 1000.0:0.0} s"))}",
            new JsonObject { ["reason"] = problem.Name, ["message"] = problem.Message, ["retryIn"] = last ? null : retryIn });
        if (!last)
            return;
        _hasFailed = true;
        _printer.Problem(Device, problem.Message);
    }
}
