using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Device;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The device's half of iotpsk-rekey/1, through a real gateway: the program <c>iotpsk-device</c> and the C core and vault in it.</summary>
public sealed class RekeyDeviceTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    private static CommandResult Run(params string[] arguments) => ChildProcess.Run(Repository.Device, arguments);

    [Fact]
    public void A_re_keyed_device_connects_with_the_new_epoch_and_outlives_the_old_one()
    {
        string vault = Provision("dev-1"), other = Provision("dev-2");
        Gateway.Must("fleet", "rotate");

        Assert.Equal(2, EpochOf(Run("--vault", vault, "--rekey", "--count", "1", "--once", "--json")));
        // From now on without being told; the file of the first day does not bring the old key back.
        Assert.Equal(2, EpochOf(Run("--vault", vault, "--bundle", _fleet.BundleFile("dev-1"), "--count", "1", "--once", "--json")));
        Assert.Equal(1, EpochOf(Run("--vault", other, "--count", "1", "--once", "--json")));
        Assert.Equal(["slot-0.cred"], Directory.GetFiles(vault, "slot-*").Select(Path.GetFileName));
        Poll.Until(() => Devices(1) == 2 && Devices(2) == 1, "fleet status counts the devices of each epoch");

        Gateway.Must("fleet", "retire", "1");

        Assert.Equal(2, EpochOf(Run("--vault", vault, "--count", "1", "--once", "--json")));
        Assert.Equal(1, Run("--vault", other, "--count", "1", "--once").ExitCode);
    }

    [Fact]
    public void A_device_that_gets_no_key_says_why_and_goes_on_with_the_one_it_has()
    {
        string vault = Provision("dev-1");
        CommandResult current = Run("--vault", vault, "--rekey", "--count", "1", "--once", "--json");
        Assert.Equal(1, EpochOf(current));
        Assert.Contains("\"reason\":\"rekey current\"", current.Output, StringComparison.Ordinal);

        Gateway.Must("fleet", "rotate", "--compromised");

        CommandResult compromised = Run("--vault", vault, "--rekey", "--count", "1", "--once", "--json");
        Assert.Equal(1, compromised.ExitCode);
        Assert.Contains("others know the device's key", compromised.Error, StringComparison.Ordinal);
        Assert.Contains("\"complete\":true", compromised.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_told_so_by_a_command_does_it_and_comes_back_with_the_new_key()
    {
        string vault = Provision("dev-1");
        Gateway.Must("fleet", "rotate");
        using ChildProcess device = ChildProcess.Start(Repository.Device, ["--vault", vault, "--count", "0", "--interval", "0.2", "--json"]);
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "the device is at work");

        CommandResult told = ChildProcess.Run("mosquitto_pub", ["-h", "127.0.0.1", "-p", _fleet.Lab.Broker.Port.ToString(CultureInfo.InvariantCulture),
            "-u", "dev-1", "-q", "1", "-t", "iotpsk/dev-1/cmd/rekey", "-n"]);
        Assert.True(told.ExitCode == 0, told.ToString());

        device.WaitForLine(line => line.Contains("\"rekeyed\"", StringComparison.Ordinal) && line.Contains("\"epoch\":2", StringComparison.Ordinal), "it has the new key");
        int mark = device.Lines.Count;
        device.WaitForLine(line => line.Contains("\"acknowledged\"", StringComparison.Ordinal), "its telemetry goes on", mark);
        Assert.Equal(2, _fleet.SessionOf("dev-1")!["epoch"]!.GetValue<int>());
        Assert.Equal(0, device.Stop());
    }

    [Fact]
    public void A_device_killed_between_two_steps_has_a_key_that_works()
    {
        (string? Step, int Milliseconds)[] kills = [("rekeyed", 0), ("connected", 0), (null, 180), (null, 240)];
        string[] vaults = [.. kills.Select((_, i) => Provision("dev-" + i.ToString(CultureInfo.InvariantCulture)))];
        Gateway.Must("fleet", "rotate");
        for (int i = 0; i < kills.Length; i++)
        {
            (string? step, int milliseconds) = kills[i];
            using (ChildProcess device = ChildProcess.Start(Repository.Device, ["--vault", vaults[i], "--rekey", "--count", "0", "--interval", "1", "--json"]))
            {
                if (step is not null)
                    device.WaitForLine(line => line.Contains($"\"{step}\"", StringComparison.Ordinal), "the step");
                else
                    Thread.Sleep(milliseconds);
                device.Signal("KILL");
                device.WaitForExit();
            }

            int epoch = EpochOf(Run("--vault", vaults[i], "--count", "1", "--once", "--json"));

            Assert.InRange(epoch, step is null ? 1 : 2, 2);
            Assert.Equal(epoch, EpochOf(Run("--vault", vaults[i], "--count", "1", "--once", "--json")));
        }
    }

    [Fact]
    public void A_new_key_that_the_gateway_does_not_know_is_given_up_for_the_old_one()
    {
        string vault = Provision("dev-1");
        string backup = _fleet.Lab.Directory.File("before-rotation");
        Gateway.Must("backup", backup);
        Gateway.Must("fleet", "rotate");
        // The key alone, without the connection that proves it: a device that is killed here may have proved it already.
        using (var opened = new Vault(vault))
            Assert.Equal(2, Rekeying.Fetch(opened, 0, 20_000));
        Assert.True(File.Exists(Path.Combine(vault, "slot-0.next")));

        // As after a disaster: the registry of yesterday knows no epoch 2.
        Gateway.Stop();
        Gateway.Must("restore", backup, "--replace");
        Gateway.Start();

        CommandResult visit = Run("--vault", vault, "--count", "1", "--json");

        Assert.Equal(1, EpochOf(visit));
        Assert.Equal(3, visit.Output.Split('\n').Count(line => line.Contains("\"reason\":\"refused\"", StringComparison.Ordinal)));
        Assert.False(File.Exists(Path.Combine(vault, "slot-0.next")));
    }

    private string Provision(string device)
    {
        string vault = _fleet.Lab.Directory.File(device + ".vault");
        _fleet.Enroll(device);
        CommandResult first = Run("--bundle", _fleet.BundleFile(device), "--vault", vault, "--count", "1", "--once");
        Assert.True(first.ExitCode == 0, first.ToString());
        return vault;
    }

    private static int EpochOf(CommandResult run)
    {
        Assert.True(run.ExitCode == 0, run.ToString());
        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)
            .Last(e => e["event"]!.GetValue<string>() == "connected")["epoch"]!.GetValue<int>();
    }

    private int Devices(int epoch) => Gateway.MustJson("fleet", "status")["epochs"]![epoch - 1]!["devices"]!.GetValue<int>();
}
