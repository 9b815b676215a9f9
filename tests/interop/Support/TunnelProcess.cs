using System.Globalization;

namespace IotPsk.Interop.Tests.Support;

/// <summary><c>iotpsk tunnel</c> to a port of this machine.</summary>
internal sealed class TunnelProcess : IDisposable
{
    public TunnelProcess(int server, params string[] credential)
    {
        Process = ChildProcess.Start(Repository.Gateway,
            ["tunnel", "--verbose", "--listen", Text($"tcp://127.0.0.1:{Port}"), "--connect", Text($"127.0.0.1:{server}"), .. credential]);
        Process.WaitForLine(line => line.Contains("Ready: ", StringComparison.Ordinal), "the tunnel is ready");
    }

    public int Port { get; } = FreePorts.Take();

    public ChildProcess Process { get; }

    /// <summary>curl through it: what came, or what went wrong.</summary>
    public CommandResult Curl(string path = "/healthz", params string[] more) =>
        ChildProcess.Run("curl", ["-sS", "--max-time", "25", .. more, Text($"http://127.0.0.1:{Port}{path}")]);

    public void Dispose() => Process.Dispose();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
