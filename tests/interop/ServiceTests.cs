using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The gateway as a service of systemd: what it tells the manager, and the unit that <c>make install</c> puts in its place.</summary>
public sealed partial class ServiceTests
{
    private static readonly string Installer = Path.Combine(Repository.Root, "gateway", "packaging", "install.sh");

    [Fact]
    public void The_manager_hears_of_start_reload_and_stop_and_the_watchdog_is_fed_until_the_TPM_hangs()
    {
        using var lab = new Lab();
        lab.Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        using var manager = new Manager(lab.Directory.File("notify"));
        lab.Gateway.Environment["NOTIFY_SOCKET"] = manager.Address;
        lab.Gateway.Environment["WATCHDOG_USEC"] = "2000000";
        lab.Gateway.Start();
        Assert.StartsWith("READY=1\nSTATUS=Serving mqtt on ", manager.Next("READY=1"), StringComparison.Ordinal);
        manager.Next("WATCHDOG=1");
        manager.Next("WATCHDOG=1");

        lab.Gateway.Process.Signal("HUP");
        string reloading = manager.Next("RELOADING=1");
        long since = long.Parse(reloading.Split("MONOTONIC_USEC=")[1], CultureInfo.InvariantCulture);
        Assert.InRange(since, 1, Environment.TickCount64 * 1000 + 1_000_000);
        Assert.DoesNotContain("refused", manager.Next("READY=1"), StringComparison.Ordinal);
        File.WriteAllText(lab.Gateway.ConfigurationFile, "{");
        lab.Gateway.Process.Signal("HUP");
        manager.Next("RELOADING=1");
        Assert.Contains("the last reload was refused: $ is not JSON", manager.Next("READY=1"), StringComparison.Ordinal);
        lab.Gateway.WriteConfiguration();

        int mark = lab.Gateway.Mark();
        lab.Tpm.Hold();
        // Whoever asks for health sends the TPM a command; this one is not answered.
        lab.Gateway.Run("device", "enroll", "stuck-1");
        using ChildProcess waiting = ChildProcess.Start(Repository.Gateway, ["client", "tls", lab.Gateway.Address, "--identity", "stuck-1~1", "--key", new string('a', 64)]);
        lab.Gateway.WaitForLog(mark, "The TPM's thread does not answer");
        manager.Drain();
        Thread.Sleep(2500);
        Assert.Equal(0, manager.Drain());
        lab.Tpm.Resume();
        manager.Next("WATCHDOG=1");

        lab.Gateway.Process.Signal("TERM");
        manager.Next("STOPPING=1");
        Assert.Equal(0, lab.Gateway.Process.WaitForExit());
    }

    [Fact]
    public void The_installed_unit_is_valid_and_well_confined_and_the_installed_program_runs_and_goes_again()
    {
        using var directory = new TempDirectory();
        string prefix = directory.File("usr"), etc = directory.File("etc");
        var environment = new Dictionary<string, string> { ["PREFIX"] = prefix, ["SYSCONFDIR"] = etc, ["DESTDIR"] = "" };
        string steps = Done(ChildProcess.Run(Installer, ["install", Path.GetDirectoryName(Repository.Gateway)!], environment)).Output;
        string program = Path.Combine(prefix, "bin", "iotpsk"), unit = Path.Combine(prefix, "lib", "systemd", "system", "iotpsk.service");
        Assert.Contains($"{program} fleet init --server-id NAME --tpm-auth {etc}/iotpsk/tpm-auth --config {etc}/iotpsk/iotpsk.json", steps, StringComparison.Ordinal);
        Assert.StartsWith("0.", Done(ChildProcess.Run(program, ["--version"])).Output, StringComparison.Ordinal);
        Assert.StartsWith("the configuration is valid", Done(ChildProcess.Run(program, ["check-config", "--config", Path.Combine(etc, "iotpsk", "iotpsk.json")])).Output, StringComparison.Ordinal);

        CommandResult verified = Done(ChildProcess.Run("systemd-analyze", ["verify", unit]));
        Assert.Equal("", verified.Output + verified.Error);
        string security = Done(ChildProcess.Run("systemd-analyze", ["security", "--no-pager", "--offline=true", unit])).Output;
        double exposure = double.Parse(Exposure().Match(security).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.True(exposure <= 2.0, security);

        // The administrator's file stays, whoever installs or uninstalls.
        string configuration = Path.Combine(etc, "iotpsk", "iotpsk.json");
        File.AppendAllText(configuration, "// mine\n");
        Done(ChildProcess.Run(Installer, ["install", Path.GetDirectoryName(Repository.Gateway)!], environment));
        Assert.EndsWith("// mine\n", File.ReadAllText(configuration), StringComparison.Ordinal);
        Done(ChildProcess.Run(Installer, ["uninstall"], environment));
        Assert.Empty(Directory.EnumerateFiles(prefix, "*", SearchOption.AllDirectories));
        Assert.True(File.Exists(configuration));
        Assert.Equal(2, ChildProcess.Run(Installer, ["install", "."], new Dictionary<string, string> { ["PREFIX"] = "/tmp/a b", ["SYSCONFDIR"] = etc }).ExitCode);
    }

    [GeneratedRegex(@"Overall exposure level for [^:]*: ([0-9.]+)")]
    private static partial Regex Exposure();

    private static CommandResult Done(CommandResult result)
    {
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    /// <summary>The socket of a service manager.</summary>
    private sealed class Manager : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Poll.Patience.TotalMilliseconds };

        public Manager(string address)
        {
            Address = address;
            _socket.Bind(new UnixDomainSocketEndPoint(address));
        }

        public string Address { get; }

        /// <summary>The next message that begins so; those of the watchdog in between are passed over.</summary>
        public string Next(string start)
        {
            while (true)
            {
                string message = Receive();
                if (message.StartsWith(start, StringComparison.Ordinal))
                    return message;
                Assert.Equal("WATCHDOG=1", message);
            }
        }

        /// <summary>Throws away what has come; how many messages.</summary>
        public int Drain()
        {
            int count = 0;
            for (; _socket.Available > 0; count++)
                Receive();
            return count;
        }

        public void Dispose() => _socket.Dispose();

        private string Receive()
        {
            byte[] buffer = new byte[4096];
            return Encoding.UTF8.GetString(buffer, 0, _socket.Receive(buffer));
        }
    }
}
