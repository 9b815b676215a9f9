using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Keys.Tests.Support;

/// <summary>One swtpm process of a test's own, on a free pair of loopback ports; ended by its process id.</summary>
internal sealed class Swtpm : IDisposable
{
    private const int MaxAttempts = 20;
    private readonly TempDirectory _directory = new();
    private readonly bool _startup;
    private Process? _process;
    private int _port;

    public Swtpm(bool startup = true)
    {
        _startup = startup;
        Start();
    }

    public int Port => _port;

    public string Tcti => $"swtpm:host=127.0.0.1,port={_port}";

    /// <summary>Starts it (again), with the state it had.</summary>
    public void Start()
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            // Restarting keeps the port: the TCTI string of the test stays true.
            if (_port == 0 || attempt > 0)
                _port = FreePorts.Take(2);
            if (TryStart())
                return;
        }

        throw new InvalidOperationException("swtpm did not start on any of the tried ports.");
    }

    public void Kill()
    {
        if (_process is not { } process)
            return;
        _process = null;
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>Runs one of the tpm2-tools against this TPM and returns its standard output.</summary>
    public string Tool(string name, params string[] arguments) => Processes.Run(name, [.. arguments, "-T", Tcti]);

    /// <summary>The stopped process, as long as the returned value lives: it takes connections but answers nothing.</summary>
    public IDisposable Freeze()
    {
        var id = _process!.Id;
        Processes.Run("kill", ["-STOP", $"{id}"]);
        return new Thaw(id);
    }

    public void Dispose()
    {
        Kill();
        _directory.Dispose();
    }

    private bool TryStart()
    {
        var start = new ProcessStartInfo("swtpm")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        foreach (var argument in (string[])
        [
            "socket", "--tpm2", "--tpmstate", $"dir={_directory.Path}",
            "--server", $"type=tcp,port={_port},bindaddr=127.0.0.1", "--ctrl", $"type=tcp,port={_port + 1},bindaddr=127.0.0.1",
            "--flags", _startup ? "not-need-init,startup-clear" : "not-need-init", "--seccomp", "action=kill",
        ])
            start.ArgumentList.Add(argument);
        var process = Processes.Start(start, "swtpm");
        for (var wait = 0; wait < 500 && !process.HasExited; wait++)
        {
            if (Answers(_port) && Answers(_port + 1))
            {
                _process = process;
                return true;
            }

            Thread.Sleep(20);
        }

        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
        return false;
    }

    private static bool Answers(int port)
    {
        try
        {
            using var probe = new TcpClient();
            probe.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private sealed class Thaw(int id) : IDisposable
    {
        public void Dispose() => Processes.Run("kill", ["-CONT", $"{id}"]);
    }
}
