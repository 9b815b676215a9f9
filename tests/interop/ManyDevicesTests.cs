using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests;

/// <summary>Many devices at once, by the verbs: rows, files, and their credentials for the factory.</summary>
public sealed class ManyDevicesTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Swtpm _tpm;

    public ManyDevicesTests()
    {
        _tpm = new Swtpm(_directory.Create("tpm"), Repository.LogDirectory("many-devices"));
        Done("fleet", "init", "--server-id", "gateway-01");
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_row_of_devices_counts_on_from_the_first_and_enrolling_again_changes_nothing()
    {
        Assert.Equal("12 devices are enrolled", Done("device", "enroll", "s-95", "--count", "12").Trim());
        Assert.Equal(["s-100", "s-101", "s-102", "s-103", "s-104", "s-105", "s-106", "s-95", "s-96", "s-97", "s-98", "s-99"], Ids());
        Assert.Equal("1 devices are enrolled; 12 were enrolled already", Done("device", "enroll", "s-95", "--count", "13").Trim());

        CommandResult noNumber = Iotpsk("device", "enroll", "sensor", "--count", "2");
        Assert.Equal(2, noNumber.ExitCode);
        Assert.Contains("does not end in a number", noNumber.Error, StringComparison.Ordinal);
        Assert.Equal(2, Iotpsk("device", "enroll", "s-1", "--count", "0").ExitCode);
        Assert.Equal(2, Iotpsk("device", "enroll").ExitCode);
        Assert.Equal(2, Iotpsk("device", "enroll", "s-1", "--from-csv", "x").ExitCode);
        Assert.Equal(13, Ids().Length);
    }

    [Fact]
    public void A_file_of_devices_is_taken_whole_or_not_at_all_and_its_faults_are_told_by_line()
    {
        string bad = Csv("id,serial", "a-1,7", "a 2,8", "a-3", "", "a-1;again", "\"a-4\",9", "a/5");
        CommandResult refused = Iotpsk("device", "enroll", "--from-csv", bad);
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal(
        [
            $"iotpsk: \"a 2\" is no device id; {bad}, line 3; {DeviceId.Rule}",
            $"iotpsk: a-1 stands in line 2 already; {bad}, line 6; remove one of them",
            $"iotpsk: \"a/5\" is no device id; {bad}, line 8; {DeviceId.Rule}",
        ], refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(Ids());

        string good = Csv("\uFEFFid,serial", "a-1,7\r", "a-3", "", "\"a-4\",9");
        Assert.Equal("3 devices are enrolled", Done("device", "enroll", "--from-csv", good).Trim());
        Assert.Equal("0 devices are enrolled; 3 were enrolled already", Done("device", "enroll", "--from-csv", good).Trim());
        Assert.Equal(["a-1", "a-3", "a-4"], Ids());
        foreach (string header in (string[])["id", "ID", "Device;Place", "device_id", "\"Device ID\""])
            Assert.Contains("no device id in the file", Iotpsk("device", "enroll", "--from-csv", Csv(header)).Error, StringComparison.Ordinal);
        Assert.Equal("1 devices are enrolled", Done("device", "enroll", "--from-csv", Csv("device-1")).Trim());
        Assert.Equal(1, Iotpsk("device", "enroll", "--from-csv", _directory.File("nowhere")).ExitCode);
    }

    [Fact]
    public void A_csv_of_the_whole_fleet_has_one_key_per_device_that_is_not_revoked()
    {
        Done("device", "enroll", "s-1", "--count", "200");
        Done("device", "revoke", "s-7");
        string file = _directory.File("keys.csv");

        Done("device", "credentials", "--all", "--for", "tls13", "--format", "csv", "-o", file);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Dictionary<string, string> keys = File.ReadLines(file).Select(line => line.Split(',')).ToDictionary(parts => parts[0], parts => parts[1]);
        Assert.Equal(199, keys.Count);
        Assert.False(keys.ContainsKey("s-7~1"));
        Assert.Equal(199, keys.Values.Distinct().Count());
        Assert.Equal($"s-42~1,{keys["s-42~1"]}\n", Done("device", "credentials", "s-42", "--for", "tls13", "--format", "csv"));
        Assert.Equal(File.ReadAllText(file), Done("device", "credentials", "--all", "--for", "tls13", "--format", "csv"));
        Assert.Equal(File.ReadAllText(file).Replace(',', ':'), Done("device", "credentials", "--all", "--for", "tls13", "--format", "mosquitto"));
        Assert.Contains("exists already", Iotpsk("device", "credentials", "--all", "--format", "csv", "-o", file).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bundles_of_the_fleet_go_to_a_directory_and_an_interrupted_run_is_finished_without_deriving_again()
    {
        Done("device", "enroll", "s-1", "--count", "50");
        string bundles = _directory.File("bundles");
        string[] write = ["device", "credentials", "--all", "--format", "bundle", "--address", "127.0.0.1:8883", "-o", bundles, "--json"];
        Assert.Equal(50, JsonNode.Parse(Done(write))!["written"]!.GetValue<int>());
        byte[] kept = File.ReadAllBytes(Path.Combine(bundles, "s-3.cred"));
        Assert.Equal("s-3", CredentialBundle.Decode(kept, 0, kept.Length).DeviceId);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(bundles, "s-3.cred")));
        // As a kill leaves it: some are missing, one is half written.
        for (int i = 10; i < 20; i++)
            File.Delete(Path.Combine(bundles, string.Create(CultureInfo.InvariantCulture, $"s-{i}.cred")));
        File.WriteAllBytes(Path.Combine(bundles, "s-10.cred.partial"), [1, 2, 3]);

        Assert.Equal(10, JsonNode.Parse(Done(write))!["written"]!.GetValue<int>());

        Assert.Equal(50, Directory.GetFiles(bundles).Length);
        Assert.Equal(kept, File.ReadAllBytes(Path.Combine(bundles, "s-3.cred")));
        File.WriteAllBytes(Path.Combine(bundles, "s-5.cred"), kept);
        CommandResult mixed = Iotpsk(write);
        Assert.Equal(1, mixed.ExitCode);
        Assert.Contains("no bundle of s-5", mixed.Error, StringComparison.Ordinal);
        CommandResult file = Iotpsk([.. write[..^2], Path.Combine(bundles, "s-3.cred")]);
        Assert.Equal((1, "iotpsk: this is a file; " + Path.Combine(bundles, "s-3.cred") + "; name a directory for the bundles"), (file.ExitCode, file.Error.Trim()));
    }

    [Fact]
    public void Credentials_of_a_batch_name_the_lines_that_have_none()
    {
        Done("device", "enroll", "s-1", "--count", "3");
        Done("device", "revoke", "s-2");
        string batch = Csv("s-1", "s-2", "s-9");

        CommandResult refused = Iotpsk("device", "credentials", "--from-csv", batch, "--format", "csv");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("line 2", refused.Error, StringComparison.Ordinal);
        Assert.Contains("line 3", refused.Error, StringComparison.Ordinal);
        Assert.Empty(refused.Output);
        Assert.Equal(2, Done("device", "credentials", "--from-csv", Csv("s-1", "s-3"), "--format", "json").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Count(line => JsonNode.Parse(line)!["key"]!.GetValue<string>().Length == 64));
        Assert.Equal(2, Iotpsk("device", "credentials", "--format", "csv").ExitCode);
        Assert.Equal(2, Iotpsk("device", "credentials", "s-1", "--all", "--format", "csv").ExitCode);
    }

    [Fact]
    public void A_revoked_device_is_reinstated_with_another_generation()
    {
        Done("device", "enroll", "s-1");
        Assert.Equal("s-1 was not revoked", Done("device", "reinstate", "s-1").Trim());
        Done("device", "revoke", "s-1");

        JsonNode reinstated = JsonNode.Parse(Done("device", "reinstate", "s-1", "--json"))!;

        Assert.Equal((3, true), (reinstated["generation"]!.GetValue<int>(), reinstated["changed"]!.GetValue<bool>()));
        Assert.Null(reinstated["revokedAt"]);
        Assert.Equal(1, Iotpsk("device", "reinstate", "s-2").ExitCode);
    }

    private string[] Ids() => [.. JsonNode.Parse(Done("device", "list", "--json"))!.AsArray().Select(device => device!["id"]!.GetValue<string>())];

    private string Csv(params string[] lines)
    {
        string path = _directory.File(Guid.NewGuid().ToString("N") + ".csv");
        File.WriteAllText(path, string.Join('\n', lines));
        return path;
    }

    private CommandResult Iotpsk(params string[] arguments) =>
        ChildProcess.Run(Repository.Gateway, [.. arguments, "--state", _directory.File("state"), "--tpm", _tpm.Tcti]);

    private string Done(params string[] arguments)
    {
        CommandResult result = Iotpsk(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }
}
