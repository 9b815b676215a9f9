using System.Globalization;
using System.Net.Sockets;

namespace IotPsk.Interop.Tests.Support;

/// <summary>A software TPM of its own, with persistent state: it can be killed, started again and held.</summary>
internal sealed class Swtpm : IDisposable
{
    private string _state;
    private readonly string _log;
    private readonly int _port = FreePorts.Take(2);     // the TCTI wants the control channel on the next port
    private ChildProcess? _process;

    public Swtpm(string state, string logDirectory)
    {
        _state = state;
        _log = Path.Combine(logDirectory, "swtpm.log");
        Start();
    }

    public string Tcti => string.Create(CultureInfo.InvariantCulture, $"swtpm:host=127.0.0.1,port={_port}");

    public void Start()
    {
        string port = _port.ToString(CultureInfo.InvariantCulture);
        string control = (_port + 1).ToString(CultureInfo.InvariantCulture);
        _process = ChildProcess.Start("swtpm",
            ["socket", "--tpm2", "--tpmstate", "dir=" + _state,
             "--server", $"type=tcp,port={port},bindaddr=127.0.0.1", "--ctrl", $"type=tcp,port={control},bindaddr=127.0.0.1",
             "--flags", "not-need-init,startup-clear", "--seccomp", "action=kill"], _log);
        Poll.Until(() => _process.HasExited ? throw new InvalidOperationException(_process.Tail()) : Answers(), "swtpm listens", _process.Tail);
    }

    /// <summary>As a power cut does it.</summary>
    public void Kill()
    {
        _process?.Dispose();
        _process = null;
    }

    /// <summary>Another chip in its place: the one whose state is in the directory <paramref name="name"/> beside this one's.</summary>
    public void Swap(string name)
    {
        Kill();
        _state = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(_state)!, name)).FullName;
        Start();
    }

    /// <summary>From now on a command gets no answer, as from a chip that hangs.</summary>
    public void Hold() => _process!.Signal("STOP");

    public void Resume() => _process!.Signal("CONT");

    /// <summary>One of tpm2-tools, on this TPM.</summary>
    public CommandResult Tool(string name, params string[] arguments) =>
        ChildProcess.Run("tpm2_" + name, arguments, new Dictionary<string, string> { ["TPM2TOOLS_TCTI"] = Tcti });

    public void Dispose() => Kill();

    private bool Answers()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect("127.0.0.1", _port + 1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
