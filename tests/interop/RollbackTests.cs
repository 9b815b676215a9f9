using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>An older registry in the place of the present one, to let a revoked device in again.</summary>
public sealed class RollbackTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public void A_revocation_while_the_TPM_is_away_holds_at_once_and_the_TPM_hears_of_it_when_it_is_back()
    {
        _fleet.Enroll("gone-1");
        Assert.True(_fleet.Serves("gone-1"));
        _fleet.Lab.Tpm.Kill();
        Gateway.Must("device", "revoke", "gone-1");
        Assert.False(_fleet.Serves("gone-1"));

        _fleet.Lab.Tpm.Start();

        Poll.Until(() => Gateway.Metric("iotpsk_tpm_commands_total", "command=\"NvIncrement\"") == 1, "the TPM knows of the revocation");
    }

    [Fact]
    public void A_registry_put_back_to_before_a_revocation_is_not_served_until_the_operator_takes_it_as_it_is()
    {
        _fleet.Enroll("thief-1");
        Assert.True(_fleet.Serves("thief-1"));
        Gateway.Stop();
        string registry = Path.Combine(Gateway.State, "registry.db");
        byte[] before = File.ReadAllBytes(registry);
        Gateway.Start();
        Gateway.Must("device", "revoke", "thief-1");
        Poll.Until(() => Gateway.Metric("iotpsk_tpm_commands_total", "command=\"NvIncrement\"") == 1, "the TPM knows of the revocation");
        Gateway.Stop();
        File.WriteAllBytes(registry, before);

        CommandResult refused = Gateway.Run("serve");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("put back to a former state", refused.Error, StringComparison.Ordinal);
        string backup = _fleet.Lab.Directory.File("backup");
        Gateway.Must("backup", backup);
        Gateway.Must("restore", backup, "--replace");
        Gateway.Must("device", "revoke", "thief-1");
        Gateway.Start();
        Assert.False(_fleet.Serves("thief-1"));
        Assert.True(_fleet.Serves("good-1"));
    }
}
