using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Gateway.Serving.Systemd;

/// <summary>Tells the service manager how the service is: sd_notify(3) by hand, a datagram to the socket it names. Without one, nothing happens.</summary>
internal sealed class ServiceManager : IDisposable
{
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _address;

    private ServiceManager(string? address, TimeSpan? watchdog)
    {
        Watchdog = watchdog;
        // Absolute, or in the abstract name space, which is written with an @.
        if (address is not { Length: > 1 } || address[0] is not ('/' or '@'))
            return;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        _address = new UnixDomainSocketEndPoint(address[0] == '@' ? "\0" + address[1..] : address);
    }

    /// <summary>Within which time it must hear from a service that works; null if it does not ask.</summary>
    internal TimeSpan? Watchdog { get; }

    /// <summary>From the environment that it gives its services; for children of this process there is none.</summary>
    internal static ServiceManager FromEnvironment()
    {
        string? address = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");
        bool isForUs = Environment.GetEnvironmentVariable("WATCHDOG_PID") is not { Length: > 0 } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        TimeSpan? watchdog = isForUs && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds is > 0 and < long.MaxValue / 10
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
        return new ServiceManager(address, watchdog);
    }

    /// <summary>The service serves.</summary>
    internal void Ready(string status) => Send($"READY=1\nSTATUS={OneLine(status)}");

    /// <summary>A new configuration is read; <see cref="Ready"/> follows in any case.</summary>
    internal void Reloading() => Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={MonotonicMicroseconds()}"));

    /// <summary>The service ends.</summary>
    internal void Stopping() => Send("STOPPING=1\nSTATUS=letting sessions finish");

    /// <summary>The service works.</summary>
    internal void IsAlive() => Send("WATCHDOG=1");

    public void Dispose() => _socket?.Dispose();

    // CLOCK_MONOTONIC, as systemd compares it; Stopwatch reads the same clock on Linux, in nanoseconds.
    private static long MonotonicMicroseconds() => System.Diagnostics.Stopwatch.GetTimestamp() / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private void Send(string message)
    {
        try
        {
            _socket?.SendTo(Encoding.UTF8.GetBytes(message), _address!);
        }
        catch (SocketException)
        {
            // A manager that does not listen is no reason not to serve.
        }
    }
}
