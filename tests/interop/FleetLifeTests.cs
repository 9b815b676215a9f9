using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A fleet's keys from one epoch to the next, by the verbs, with a gateway that serves meanwhile.</summary>
public sealed class FleetLifeTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    private JsonNode Status => Gateway.MustJson("fleet", "status");

    [Fact]
    public void Devices_of_both_epochs_are_served_until_the_old_one_is_retired_which_ends_its_sessions()
    {
        _fleet.Enroll("old-1");
        _fleet.Enroll("new-1");
        Assert.True(_fleet.Serves("old-1"));                        // its bundle is of epoch 1 from here on
        Assert.Contains("epoch 2 is active", Gateway.Must("fleet", "rotate"), StringComparison.Ordinal);
        Assert.True(_fleet.Serves("old-1"));
        using ChildProcess held = _fleet.HoldCore("old-1"), current = _fleet.HoldCore("new-1");
        Poll.Until(() => Devices(1) == 2 && Devices(2) == 1, "fleet status counts the devices of each epoch", () => Status.ToJsonString());

        string told = Gateway.Must("fleet", "retire", "1");

        Assert.Contains("epoch 1 is retired; 2 devices that used it last need new credentials", told, StringComparison.Ordinal);
        Assert.Equal(0, held.WaitForExit());                        // close_notify
        Assert.False(current.HasExited);
        Assert.Equal(2, _fleet.SessionOf("new-1")!["epoch"]!.GetValue<int>());
        Assert.True(_fleet.Serves("new-1"));
        Assert.Equal(["0x81000001", "0x81010002"], PersistentHandles());
        int mark = Gateway.Mark();
        Assert.False(_fleet.Serves("old-1"));
        Gateway.WaitForLog(mark, "UnknownEpoch");
        Assert.Equal("retired", Status["epochs"]![0]!["state"]!.GetValue<string>());
    }

    [Fact]
    public void The_active_epoch_is_not_retired_and_a_compromise_is_shown()
    {
        CommandResult refused = Gateway.Run("fleet", "retire", "1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("fleet rotate", refused.Error, StringComparison.Ordinal);

        JsonNode rotated = Gateway.MustJson("fleet", "rotate", "--compromised");

        Assert.NotNull(rotated["epochs"]![0]!["compromisedAt"]);
        Assert.Null(rotated["epochs"]![1]!["compromisedAt"]);
        Assert.Contains("compromised", Gateway.Must("fleet", "status"), StringComparison.Ordinal);
        Assert.Equal(2, Gateway.Run("fleet", "retire", "one").ExitCode);
    }

    [Fact]
    public void A_dead_TPM_does_not_keep_an_old_epoch_alive()
    {
        Gateway.Must("fleet", "rotate");
        _fleet.Lab.Tpm.Kill();

        CommandResult retired = Gateway.Run("fleet", "retire", "1");

        Assert.Equal(1, retired.ExitCode);
        Assert.Contains("epoch 1 is refused from now on", retired.Error, StringComparison.Ordinal);
        Assert.False(_fleet.Serves("good-1"));
        _fleet.Lab.Tpm.Start();
        Assert.Contains("fleet retire 1 again", Gateway.Must("fleet", "status"), StringComparison.Ordinal);
        Gateway.Must("fleet", "retire", "1");
        Assert.Empty(Status["problems"]!.AsArray());
        Assert.Equal(["0x81000001", "0x81010002"], PersistentHandles());
    }

    private int Devices(int epoch) => Status["epochs"]![epoch - 1]!["devices"]!.GetValue<int>();

    private string[] PersistentHandles() =>
        [.. _fleet.Lab.Tpm.Tool("getcap", "handles-persistent").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[2..])];
}
