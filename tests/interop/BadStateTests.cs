using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>State and TPM that do not belong together, damaged state, disks that are full, and power that goes: told in one line, nothing lost, nothing half done.</summary>
public sealed class BadStateTests : IDisposable
{
    private const int Room = 40_000;
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _a;
    private readonly Swtpm _b;

    public BadStateTests()
    {
        string logs = Repository.LogDirectory("bad-state");
        _a = new Swtpm(_directory.Create("tpm-a"), logs);
        _b = new Swtpm(_directory.Create("tpm-b"), logs);
        Done("state-a", _a, "fleet", "init", "--server-id", "fleet-1");
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    public static TheoryData<string> WordsThatNeedTheTpm =>
    [
        "serve", "fleet status", "fleet rotate", "device enroll s-1 --mode session -o OUT", "device credentials dev-1 --format csv -o OUT", "restore BACKUP --replace",
    ];

    [Theory]
    [MemberData(nameof(WordsThatNeedTheTpm))]
    public void Another_TPM_is_refused_whether_it_is_empty_or_has_a_fleet_of_its_own(string words)
    {
        Done("state-a", _a, "device", "enroll", "dev-1");
        Done("state-a", _a, "backup", F("backup"));
        byte[] before = File.ReadAllBytes(F("state-a/registry.db"));

        Refused("state-a", _b, words, "is this the TPM the fleet was made with", "the TPM whose storage key");
        Done("state-b", _b, "fleet", "init", "--server-id", "fleet-1");
        // Now each has something at the fleet key's handle: the state directories are swapped.
        Refused("state-a", _b, words, "this is another TPM, or the state directory of another fleet", "the TPM whose storage key");
        if (!words.StartsWith("restore", StringComparison.Ordinal))
            Refused("state-b", _a, words.Replace("dev-1", "dev-2", StringComparison.Ordinal), "this is another TPM, or the state directory of another fleet", "dev-2");

        Assert.False(File.Exists(F("out")));
        Assert.Equal(before, File.ReadAllBytes(F("state-a/registry.db")));
        Assert.Equal(1, Devices("state-a", _a));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("truncated")]
    [InlineData("page")]
    [InlineData("empty")]
    [InlineData("directory")]
    public void A_damaged_registry_is_named_and_left_as_it_is(string damage)
    {
        Done("state-a", _a, "device", "enroll", "dev-1", "--count", "500");
        string registry = F("state-a/registry.db");
        byte[] content = File.ReadAllBytes(registry);
        File.Delete(registry);
        if (damage == "directory")
        {
            Directory.CreateDirectory(registry);
        }
        else
        {
            if (damage == "page")
                content.AsSpan(3 * 4096, 4096).Fill(0x5a);
            File.WriteAllBytes(registry, damage switch { "garbage" => [.. Enumerable.Repeat((byte)'x', 5000)], "truncated" => content[..(content.Length / 2)], "empty" => [], _ => content });
        }

        foreach (string words in (string[])["serve", "device list", "fleet status", "device enroll dev-2", "backup BACKUP"])
        {
            CommandResult refused = Iotpsk("state-a", _a, Words(words));
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains(damage == "empty" ? "state-a" : registry, refused.Error, StringComparison.Ordinal);
            Assert.Equal(1, refused.Error.Count(letter => letter == '\n'));
            Assert.DoesNotContain("fault of this program", refused.Error, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(F("backup")));
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(400_000)]
    [InlineData(900_000)]
    public void A_disk_that_is_full_in_the_middle_of_enrolling_leaves_no_device_behind_and_room_lets_it_be_done_again(int bytes)
    {
        CommandResult many = Full(bytes, "device", "enroll", "dev-1", "--count", "20000");
        Assert.Equal(1, many.ExitCode);
        Assert.Contains("registry.db cannot", many.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("fault of this program", many.Error, StringComparison.Ordinal);
        Assert.Equal(0, Devices("state-a", _a));

        Assert.StartsWith("20000 devices are enrolled", Done("state-a", _a, "device", "enroll", "dev-1", "--count", "20000"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_is_full_takes_no_half_of_the_credentials()
    {
        CommandResult keys = Full(Room, "device", "enroll", "s-1", "--count", "1000", "--mode", "session", "-o", F("keys.csv"));
        Assert.Equal(1, keys.ExitCode);
        Assert.Contains("keys.csv", keys.Error, StringComparison.Ordinal);
        Assert.Equal(0, Devices("state-a", _a));
        Done("state-a", _a, "device", "enroll", "dev-1", "--count", "1000");
        Assert.Equal(1, Full(Room, "device", "credentials", "--all", "--format", "csv", "-o", F("all.csv")).ExitCode);
        Assert.Empty(Directory.GetFiles(_directory.Path, "*.csv*"));
        Assert.Equal(1, Full(Room, "backup", F("backup")).ExitCode);
        Assert.Empty(Directory.GetFiles(_directory.Path, "backup*"));
    }

    [Fact]
    public void A_state_directory_that_cannot_be_written_is_named()
    {
        File.WriteAllText(F("file"), "");
        foreach (string state in (string[])["/proc/iotpsk", F("file"), F("file") + "/below"])
        {
            CommandResult refused = ChildProcess.Run(Repository.Gateway, ["fleet", "init", "--state", state, "--tpm", _b.Tcti]);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains(state, refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("fault of this program", refused.Error, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("0x8101", _b.Tool("getcap", "handles-persistent").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Enrolling_that_is_killed_has_enrolled_all_or_none()
    {
        foreach (int milliseconds in (int[])[200, 350, 500])
        {
            string first = string.Create(CultureInfo.InvariantCulture, $"kill{milliseconds}-1");
            int before = Devices("state-a", _a);
            KillAfter(milliseconds, "device", "enroll", first, "--count", "10000");
            Assert.Contains(Devices("state-a", _a) - before, (int[])[0, 10_000]);
        }

        Done("state-a", _a, "device", "enroll", "kill200-1", "--count", "10000");
        Done("state-a", _a, "fleet", "status");
    }

    [Fact]
    public void Rotations_that_are_killed_are_finished_and_leave_no_key_in_the_TPM_that_nobody_knows()
    {
        foreach (int milliseconds in (int[])[150, 220, 280, 350])
            KillAfter(milliseconds, "fleet", "rotate");

        Done("state-a", _a, "fleet", "rotate");

        JsonNode status = JsonNode.Parse(Done("state-a", _a, "fleet", "status", "--json"))!;
        Assert.Empty(status["problems"]!.AsArray());
        string[] known = [.. status["epochs"]!.AsArray().Select(epoch => epoch!["handle"]!.GetValue<string>()).Order()];
        string[] there = [.. _a.Tool("getcap", "handles-persistent").Output.Split('\n').Select(line => line.Trim('-', ' ').ToLowerInvariant()).Where(line => line.StartsWith("0x8101", StringComparison.Ordinal)).Order()];
        Assert.Equal(known, there);
    }

    [Fact]
    public void Bundles_whose_writing_is_killed_are_whole_or_not_there_and_the_next_run_writes_the_rest()
    {
        Done("state-a", _a, "device", "enroll", "dev-1", "--count", "3000");
        string[] write = ["device", "credentials", "--all", "--format", "bundle", "--address", "gw:1", "-o", F("bundles")];
        foreach (int milliseconds in (int[])[300, 500])
        {
            KillAfter(milliseconds, write);
            foreach (string file in Directory.Exists(F("bundles")) ? Directory.GetFiles(F("bundles"), "*.cred") : [])
                _ = Shared.CredentialBundle.Decode(File.ReadAllBytes(file), 0, (int)new FileInfo(file).Length);
        }

        Done("state-a", _a, write);

        Assert.Equal(3000, Directory.GetFiles(F("bundles")).Length);
    }

    private void KillAfter(int milliseconds, params string[] arguments)
    {
        using ChildProcess process = ChildProcess.Start(Repository.Gateway, At("state-a", _a, arguments));
        Thread.Sleep(milliseconds);
        if (!process.HasExited)
            process.Signal("KILL");
        process.WaitForExit();
    }

    private void Refused(string state, Swtpm tpm, string words, params string[] expected)
    {
        CommandResult refused = Iotpsk(state, tpm, Words(words));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(expected, word => refused.Error.Contains(word, StringComparison.Ordinal));
        Assert.Equal(1, refused.Error.Count(letter => letter == '\n'));
    }

    private string[] Words(string words) => [.. words.Split(' ').Select(word => word switch { "OUT" => F("out"), "BACKUP" => F("backup"), _ => word })];

    /// <summary>No file can grow beyond a size, as on a disk without room. The runtime itself wants larger files in memory unless told otherwise.</summary>
    private CommandResult Full(int bytes, params string[] arguments) => ChildProcess.Run(
        "env", ["--ignore-signal=XFSZ", "prlimit", "--fsize=" + bytes.ToString(CultureInfo.InvariantCulture), Repository.Gateway, .. At("state-a", _a, arguments)],
        new Dictionary<string, string> { ["DOTNET_EnableWriteXorExecute"] = "0", ["DOTNET_EnableDiagnostics"] = "0" });

    private int Devices(string state, Swtpm tpm) => JsonNode.Parse(Done(state, tpm, "fleet", "status", "--json"))!["devices"]!.GetValue<int>();

    private string F(string name) => _directory.File(name);

    /// <summary>serve wants a configuration; the other verbs take the two options.</summary>
    private string[] At(string state, Swtpm tpm, string[] arguments)
    {
        if (arguments[0] != "serve")
            return [.. arguments, "--state", F(state), "--tpm", tpm.Tcti];
        File.WriteAllText(F("iotpsk.json"), string.Create(CultureInfo.InvariantCulture, $$"""
            { "State": "{{F(state)}}", "Tpm": { "Tcti": "{{tpm.Tcti}}" }, "Admin": { "Socket": "{{F("admin.sock")}}", "Http": null },
              "Listeners": [ { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:{{FreePorts.Take()}}", "Upstream": "tcp://127.0.0.1:1" } ] }
            """));
        return ["serve", "--config", F("iotpsk.json")];
    }

    private CommandResult Iotpsk(string state, Swtpm tpm, params string[] arguments) => ChildProcess.Run(Repository.Gateway, At(state, tpm, arguments));

    private string Done(string state, Swtpm tpm, params string[] arguments)
    {
        CommandResult result = Iotpsk(state, tpm, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }
}
