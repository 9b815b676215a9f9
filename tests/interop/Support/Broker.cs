using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Mosquitto with the rules of the guide: a device reads and writes below its own name only; one reader sees all.</summary>
internal sealed class Broker : IDisposable
{
    private const string Reader = "reader";
    private readonly string _directory;
    private readonly string _log;
    private readonly int _readerPort = FreePorts.Take();
    private readonly string _readerPassword = Guid.NewGuid().ToString("N");
    private readonly bool _isPersistent;
    private ChildProcess? _process;

    /// <param name="directory">Its own.</param>
    /// <param name="logDirectory">Where it logs.</param>
    /// <param name="isPersistent">It keeps sessions and what waits in them over <see cref="StopInOrder"/>, and logs nothing of the traffic.</param>
    public Broker(string directory, string logDirectory, bool isPersistent = false)
    {
        _isPersistent = isPersistent;
        _directory = directory;
        _log = Path.Combine(logDirectory, "mosquitto.log");
        Configure();
        Start();
    }

    /// <summary>The listener that is meant for the gateway alone.</summary>
    public int Port { get; } = FreePorts.Take();

    public void Start()
    {
        _process = ChildProcess.Start("mosquitto", ["-c", Path.Combine(_directory, "mosquitto.conf")], _log);
        Poll.Until(() => _process.HasExited ? throw new InvalidOperationException(_process.Tail()) : Answers(Port) && Answers(_readerPort),
            "mosquitto listens", _process.Tail);
    }

    public void Stop()
    {
        _process?.Dispose();
        _process = null;
    }

    public void StopInOrder()
    {
        _process?.Stop();
        Stop();
    }

    /// <summary>An independent subscriber: lines "topic payload" as the broker hands them out. It is subscribed when this returns.</summary>
    /// <param name="topic">What it is subscribed to.</param>
    /// <param name="session">The client id of a session that outlives connections; null for one that does not.</param>
    public ChildProcess Subscribe(string topic, string? session = null)
    {
        ChildProcess subscriber = ChildProcess.Start("stdbuf", // into a pipe mosquitto_sub would hold its lines back
            ["-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", _readerPort.ToString(CultureInfo.InvariantCulture), "-u", Reader, "-P", _readerPassword,
             "-q", "1", "-t", topic, "-F", "%t %p", "-d", .. session is null ? Array.Empty<string>() : ["-i", session, "-c"]], _isPersistent ? null : _log);
        subscriber.WaitForLine(line => line.StartsWith("Subscribed ", StringComparison.Ordinal), "mosquitto_sub is subscribed");
        return subscriber;
    }

    public void Dispose() => Stop();

    private void Configure()
    {
        string passwords = Path.Combine(_directory, "passwords");
        string access = Path.Combine(_directory, "access");
        CommandResult made = ChildProcess.Run("mosquitto_passwd", ["-b", "-c", passwords, Reader, _readerPassword]);
        if (made.ExitCode != 0)
            throw new InvalidOperationException("mosquitto_passwd: " + made);
        File.WriteAllText(access, $"""
            user {Reader}
            topic read #
            user ~iotpsk
            topic write iotpsk/#
            topic read iotpsk/+/cmd/#
            pattern readwrite iotpsk/%u/#

            """);
        File.WriteAllText(Path.Combine(_directory, "mosquitto.conf"), string.Create(CultureInfo.InvariantCulture, $"""
            user root
            per_listener_settings true
            persistence {(_isPersistent ? "true" : "false")}
            persistence_location {_directory}/
            max_queued_messages 0
            log_dest stderr
            log_type {(_isPersistent ? "error" : "all")}
            listener {Port} 127.0.0.1
            allow_anonymous true
            acl_file {access}
            listener {_readerPort} 127.0.0.1
            allow_anonymous false
            password_file {passwords}
            acl_file {access}

            """), Encoding.ASCII);
    }

    private static bool Answers(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
