using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A backup made while the gateway serves, and the gateway that serves from it.</summary>
public sealed class BackupTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public void A_lost_state_directory_is_restored_with_every_device_and_revocation()
    {
        string backup = _fleet.Lab.Directory.File("backup");
        _fleet.Enroll("gone-1");
        Assert.True(_fleet.Serves("gone-1"));
        Gateway.Must("device", "revoke", "gone-1");
        Gateway.Must("backup", backup);
        CommandResult running = Gateway.Run("restore", backup, "--replace");
        Assert.Equal(1, running.ExitCode);
        Assert.Contains("stop the gateway first", running.Error, StringComparison.Ordinal);
        Assert.True(_fleet.Serves("good-1"));
        Gateway.Stop();
        Directory.Delete(Gateway.State, recursive: true);

        Assert.Contains("with 2 devices is restored", Gateway.Must("restore", backup), StringComparison.Ordinal);

        Gateway.Start();
        Assert.True(_fleet.Serves("good-1"));
        Assert.False(_fleet.Serves("gone-1"));
        Assert.Equal(1, Gateway.Run("backup", backup).ExitCode);
        Assert.Equal(1, Gateway.Run("restore", _fleet.Lab.Directory.File("nowhere")).ExitCode);
    }
}
