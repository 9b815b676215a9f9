using IotPsk.Device.App;

namespace IotPsk.Device.Tests.Support;

/// <summary>A board that remembers what was done with it.</summary>
internal sealed class TestBoard : IBoard
{
    internal bool HasSensor { get; set; } = true;

    internal int Tenths { get; set; } = 215;

    /// <summary>How often joining the network fails at first.</summary>
    internal int NetworkFailures { get; set; }

    internal byte[]? State { get; set; }

    internal List<int> Sleeps { get; } = [];

    internal int Reboots { get; private set; }

    public long Uptime => 12345;

    public long FreeMemory => 4096;

    public string Model => "test";

    public string FirmwareVersion => "1.0";

    public IFirmwareSink? FirmwareSink { get; set; }

    public FirmwareResult LastUpdate { get; set; }

    public bool TryReadTemperature(out int tenths)
    {
        tenths = Tenths;
        return HasSensor;
    }

    public bool TryJoinNetwork(int timeout) => NetworkFailures-- <= 0;

    public byte[]? TakeState()
    {
        byte[]? state = State;
        State = null;
        return state;
    }

    public void KeepState(byte[] state) => State = state;

    public void Sleep(int milliseconds) => Sleeps.Add(milliseconds);

    public void Reboot() => Reboots++;
}
