using IotPsk.Device;

namespace IotPsk.Interop.Tests.Support;

/// <summary>A device by the device library on a thread of its own: objects 1, 3, 5 and 3303. It starts anew when it is told to, with the firmware it got.</summary>
internal sealed class Lwm2mDevice : ILwm2mListener, IDeviceActions, IFirmwareSink, IClock, IDisposable
{
    private readonly Func<DtlsMessageChannel> _connect;
    private readonly string _name;
    private readonly Lwm2mOptions _options;
    private readonly string _server;
    private readonly MemoryStream _package = new();
    private readonly Thread _thread;
    private Lwm2mClient _client;
    private DtlsMessageChannel? _channel;
    private volatile bool _stop, _restart, _reconnect, _deregister;
    private FirmwareResult _result;

    public Lwm2mDevice(string name, int port, string identity, string key, Lwm2mOptions? options = null)
    {
        _name = name;
        _options = options ?? new Lwm2mOptions { Lifetime = 300 };
        _server = System.FormattableString.Invariant($"127.0.0.1:{port}");
        _connect = () => new DtlsMessageChannel(port, identity, key);
        _client = New();
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    public int Reboots { get; private set; }

    public int Restarts { get; private set; }

    public byte[] Firmware { get; private set; } = [];

    public Exception? Failure { get; private set; }

    public HashSet<int> Delivered { get; } = [];

    public bool IsRegistered => _client.IsRegistered;

    /// <summary>A value, kept until the gateway has acknowledged it.</summary>
    public int Report(double celsius) => _client.Report(new Lwm2mPath(TemperatureObject.ObjectId, 0, TemperatureObject.SensorValue, -1), celsius);

    public bool HasDelivered(int sequence)
    {
        lock (Delivered)
            return Delivered.Contains(sequence);
    }

    /// <summary>From now on it hears nothing, and does nothing.</summary>
    public void Sleep() => _channel!.Sleeps = true;

    /// <summary>Hears again, and says something.</summary>
    public void Wake(double celsius)
    {
        _channel!.Sleeps = false;
        Report(celsius);
    }

    /// <summary>Comes by a new association.</summary>
    public void Reconnect() => _reconnect = true;

    public void Deregister() => _deregister = true;

    void ILwm2mListener.OnRegistered(string location)
    {
    }

    void ILwm2mListener.OnDelivered(int sequence)
    {
        lock (Delivered)
            Delivered.Add(sequence);
    }

    long IDeviceActions.FreeMemory => 123 << 10;

    void IDeviceActions.Reboot() => Reboots++;

    string IFirmwareSink.PackageName => "app";

    string IFirmwareSink.PackageVersion => "2";

    bool IFirmwareSink.Begin(int size)
    {
        _package.SetLength(0);
        return true;
    }

    bool IFirmwareSink.Write(byte[] buffer, int offset, int count)
    {
        _package.Write(buffer, offset, count);
        return true;
    }

    bool IFirmwareSink.Finish() => _package.Length > 0 && _package.GetBuffer()[0] != 0;

    void IFirmwareSink.Abort() => _package.SetLength(0);

    bool IFirmwareSink.Apply()
    {
        Firmware = _package.ToArray();
        _result = FirmwareResult.Success;
        return _restart = true;
    }

    long IClock.Now => Environment.TickCount64;

    bool IClock.Wait(AutoResetEvent signal, int milliseconds) => signal.WaitOne(milliseconds);

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _channel?.Dispose();
        _package.Dispose();
    }

    private Lwm2mClient New()
    {
        var temperature = new TemperatureObject(1);
        temperature.Measure(0, 20.5);
        return new Lwm2mClient(_name, [new DeviceObject(this, this) { Serial = "0815", Firmware = "1" }, new FirmwareObject(this, _result), temperature], _options, this, this, new Random(1))
        {
            ServerAddress = _server,
        };
    }

    private void Run()
    {
        try
        {
            Attach();
            while (!_stop)
                Step();
        }
        catch (Exception e) when (e is PskException or TimeoutException)
        {
            Failure = e;
        }
    }

    private void Step()
    {
        try
        {
            if (_deregister)
            {
                _deregister = false;
                _client.Deregister();
                _stop = true;
                return;
            }
            _client.Run(50);
            if (!_restart && !_reconnect)
                return;
            if (_restart)
            {
                // The answer to Update and the last notification go out first.
                _client.Run(300);
                _client = New();
                Restarts++;
            }
            (_restart, _reconnect) = (false, false);
        }
        catch (PskException e) when (e.Code == PskError.CoapSilent)
        {
            // The gateway was away: another association.
        }
        Attach();
    }

    private void Attach()
    {
        _client.Detach();
        _channel?.Dispose();
        _channel = _connect();
        _client.Attach(_channel, 1152, isResumed: false);
    }
}
