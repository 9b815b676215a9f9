namespace IotPsk.Device.Tests.Support;

/// <summary>An LwM2M device with all its objects, on a virtual clock.</summary>
internal sealed class DeviceLab : ILwm2mListener, IDeviceActions
{
    internal DeviceLab(FakeClock clock, Lwm2mOptions? options = null, int maxMessage = 512)
    {
        Clock = clock;
        Sink = new MemorySink();
        Firmware = new FirmwareObject(Sink, FirmwareResult.Initial);
        Temperature = new TemperatureObject(1);
        Device = new DeviceObject(this, clock) { Serial = ServerLab.DeviceId, ModelNumber = "virtual", Firmware = "1.0" };
        Client = new Lwm2mClient(ServerLab.DeviceId, [Device, Firmware, Temperature], options, this, clock, new Random(5)) { ServerAddress = "127.0.0.1:5684" };
        MaxMessage = maxMessage;
    }

    internal FakeClock Clock { get; }

    internal int MaxMessage { get; }

    internal Lwm2mClient Client { get; }

    internal DeviceObject Device { get; }

    internal FirmwareObject Firmware { get; }

    internal TemperatureObject Temperature { get; }

    internal MemorySink Sink { get; }

    internal List<string> Events { get; } = [];

    internal List<int> Delivered { get; } = [];

    internal int Reboots { get; private set; }

    public long FreeMemory => 100 << 10;

    internal static Lwm2mPath Path(string text) => Lwm2mPath.TryParse(text, out Lwm2mPath path) ? path : throw new ArgumentException(text, nameof(text));

    internal void Attach(IMessageChannel channel, bool isResumed = false) => Client.Attach(channel, MaxMessage, isResumed);

    internal int Report(double value) => Client.Report(Path("/3303/0/5700"), value);

    public void Reboot() => Reboots++;

    public void OnRegistered(string location) => Events.Add("registered");

    public void OnDelivered(int sequence) => Delivered.Add(sequence);
}
