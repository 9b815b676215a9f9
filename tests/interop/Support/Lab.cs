namespace IotPsk.Interop.Tests.Support;

/// <summary>A whole fleet on this machine: software TPM, broker, gateway, all private to one test class.</summary>
public sealed class Lab : IDisposable
{
    public const string ServerId = "test-fleet";
    private static int s_count;

    public Lab()
    {
        string logs = Repository.LogDirectory("lab-" + Interlocked.Increment(ref s_count).ToString("00", System.Globalization.CultureInfo.InvariantCulture));
        Logs = logs;
        Tpm = new Swtpm(Directory.Create("tpm"), logs);
        Broker = new Broker(Directory.Create("broker"), logs);
        Gateway = new GatewayProcess(Directory, logs, Tpm.Tcti, Broker.Port);
    }

    internal TempDirectory Directory { get; } = new();

    internal string Logs { get; }

    internal Swtpm Tpm { get; }

    internal Broker Broker { get; }

    internal GatewayProcess Gateway { get; }

    public void Dispose()
    {
        Gateway.Dispose();
        Broker.Dispose();
        Tpm.Dispose();
        Directory.Dispose();
        // Whatever was done to it, the gateway never logs a fault of its own.
        string log = Path.Combine(Logs, "gateway.log");
        Assert.DoesNotContain(File.Exists(log) ? File.ReadLines(log) : [], line =>
            line.Contains(" fail: ", StringComparison.Ordinal) || line.Contains(" crit: ", StringComparison.Ordinal) || line.Contains("Unhandled exception", StringComparison.Ordinal));
    }
}
