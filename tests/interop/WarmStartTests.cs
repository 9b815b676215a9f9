using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A gateway that comes back does not ask the TPM for what it knew.</summary>
public sealed class WarmStartTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public void Devices_of_the_last_run_are_served_without_the_TPM_and_revoked_ones_are_not()
    {
        _fleet.Enroll("warm-1");
        _fleet.Enroll("gone-1");
        Assert.True(_fleet.Serves("warm-1") && _fleet.Serves("gone-1"));
        Gateway.Stop();
        Gateway.Must("device", "revoke", "gone-1");

        Gateway.Start();

        Gateway.WaitForLog(0, "2 keys of the last run are at hand");
        double commands = _fleet.TpmCommands;
        Assert.True(_fleet.Serves("good-1") && _fleet.Serves("warm-1"));
        Assert.False(_fleet.Serves("gone-1"));
        Assert.Equal(0, _fleet.TpmCommands - commands);
    }

    [Fact]
    public void A_fleet_key_made_and_an_old_one_retired_while_the_gateway_ran_cost_no_keys_at_its_end()
    {
        Gateway.Must("fleet", "rotate");
        _fleet.Enroll("next-1");
        Assert.True(_fleet.Serves("next-1"));
        Gateway.Must("fleet", "retire", "1");
        Gateway.Stop();

        Gateway.Start();

        Gateway.WaitForLog(0, "1 keys of the last run are at hand");
        double commands = _fleet.TpmCommands;
        Assert.True(_fleet.Serves("next-1"));
        Assert.Equal(0, _fleet.TpmCommands - commands);
    }

    [Fact]
    public void A_damaged_cache_is_told_and_does_no_harm()
    {
        Gateway.Stop();
        File.WriteAllText(Path.Combine(Gateway.State, "keys.sealed"), "damaged");
        Gateway.Start();

        Gateway.WaitForLog(0, "no sealed keys of this version");
        Assert.True(_fleet.Serves("good-1"));
    }
}
