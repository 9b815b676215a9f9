using System.Globalization;
using System.Net.Sockets;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Mosquitto with the configuration that the guide ships, its paths and port moved to where a test may have them.</summary>
internal sealed class GuardedBroker : IDisposable
{
    /// <summary>The group that may enter the socket's directory: nobody is in it but who asks for it by number.</summary>
    internal const int Group = 54321;

    // Readable by all, unlike other directories of tests: what keeps strangers out is the configuration alone.
    private readonly string _root = Directory.CreateTempSubdirectory("iotpsk-broker-").FullName;
    private readonly ChildProcess _process;

    internal GuardedBroker(string logDirectory)
    {
        File.SetUnixFileMode(_root, (UnixFileMode)0x1ed /* 0755 */);
        string source = Path.Combine(Repository.Root, "gateway", "mosquitto"), configuration = Path.Combine(_root, "iotpsk.conf");
        foreach (string file in (string[])["iotpsk.conf", "iotpsk-devices.acl", "iotpsk-people.acl"])
        {
            File.WriteAllText(Path.Combine(_root, file), File.ReadAllText(Path.Combine(source, file))
                .Replace("/run/iotpsk-broker/", _root + "/run/", StringComparison.Ordinal)
                .Replace("/etc/mosquitto/", _root + "/", StringComparison.Ordinal)
                .Replace("listener 1883 ", string.Create(CultureInfo.InvariantCulture, $"listener {Port} "), StringComparison.Ordinal));
        }
        File.AppendAllText(configuration, "\npersistence false\nlog_dest stderr\nlog_type all\n");
        string passwords = Path.Combine(_root, "iotpsk-people.passwd"), run = Path.Combine(_root, "run");
        Must("mosquitto_passwd", "-b", "-c", passwords, "reader", Password);
        Must("mosquitto_passwd", "-b", passwords, "operator", Password);
        Directory.CreateDirectory(run);
        if (Environment.IsPrivilegedProcess)
        {
            Must("chown", "mosquitto", passwords);
            // As tmpfiles.conf has it.
            Must("chown", $"mosquitto:{Group}", run);
            Must("chmod", "2750", run);
        }
        _process = ChildProcess.Start("sh", ["-c", $"umask 007; exec mosquitto -c '{configuration}'"], Path.Combine(logDirectory, "mosquitto-guarded.log"));
        Poll.Until(() => _process.HasExited ? throw new InvalidOperationException(_process.Tail()) : Answers(), "mosquitto listens", _process.Tail);
    }

    /// <summary>Where people come, with a password.</summary>
    internal int Port { get; } = FreePorts.Take();

    internal string Password { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Where the gateway comes.</summary>
    internal string Socket => Path.Combine(_root, "run", "mqtt.sock");

    /// <summary>Arguments of mosquitto_pub and mosquitto_sub for a user of the port.</summary>
    internal string[] As(string user, string? password = null) =>
        ["-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-u", user, "-P", password ?? Password];

    /// <summary>A subscriber: lines "topic payload". It is subscribed when this returns.</summary>
    internal static ChildProcess Subscribe(string topic, params string[] arguments)
    {
        ChildProcess subscriber = ChildProcess.Start("stdbuf", ["-oL", "mosquitto_sub", .. arguments, "-q", "1", "-t", topic, "-F", "%t %p", "-d"]);
        subscriber.WaitForLine(line => line.StartsWith("Subscribed ", StringComparison.Ordinal), "mosquitto_sub is subscribed");
        return subscriber;
    }

    internal static CommandResult Publish(string topic, string payload, params string[] arguments) =>
        ChildProcess.Run("mosquitto_pub", [.. arguments, "-q", "1", "-t", topic, "-m", payload]);

    public void Dispose()
    {
        _process.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    internal static void Must(string program, params string[] arguments)
    {
        CommandResult result = ChildProcess.Run(program, arguments);
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{program}: {result}");
    }

    private bool Answers()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(Socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
