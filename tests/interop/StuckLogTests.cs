using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A log whose reader is stuck: the pipe fills up, and the gateway goes on.</summary>
public sealed class StuckLogTests : IDisposable
{
    private const int Warnings = 15_000;                    // more than the pipe and the queue before it take together
    private readonly Fleet _fleet = new();

    [Fact]
    public void A_log_that_nobody_reads_stops_neither_devices_nor_the_end_of_the_gateway()
    {
        _fleet.Gateway.Stop();
        string pipe = _fleet.Lab.Directory.File("log");
        Assert.Equal(0, ChildProcess.Run("mkfifo", [pipe]).ExitCode);
        // Open in both directions, the pipe has a reader that never reads.
        using ChildProcess gateway = ChildProcess.Start("sh",
            ["-c", "exec \"$0\" serve --verbose --config \"$1\" 1<>\"$2\"", Repository.Gateway, _fleet.Gateway.ConfigurationFile, pipe]);
        Poll.Until(() => gateway.HasExited ? throw new InvalidOperationException(gateway.Tail()) : _fleet.Gateway.IsHealthy(), "the gateway is ready", gateway.Tail);
        Parallel.For(0, Warnings, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            _ => Assert.NotNull(RawConnection.AlertFor(_fleet.Gateway.Port, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"))));
        Assert.Equal(Warnings, _fleet.Gateway.Metric("iotpsk_handshakes_failed_total"));
        Assert.True(_fleet.Serves("good-1"), "a device is served");
        gateway.Signal("TERM");
        Assert.Equal(0, gateway.WaitForExit());
    }

    public void Dispose() => _fleet.Dispose();
}
