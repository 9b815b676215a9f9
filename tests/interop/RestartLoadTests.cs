using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Two thousand devices come back to a gateway whose TPM takes 20 ms a command; only what is counted is held here.</summary>
[Collection(AloneTests.Name)]
public sealed class RestartLoadTests
{
    [Fact]
    public void After_a_restart_the_cache_and_tickets_spare_the_TPM_and_without_them_its_queue_stays_bounded_and_known_devices_are_served()
    {
        CommandResult run = ChildProcess.Run(Repository.Bench, ["restart", "--counts"], patience: TimeSpan.FromMinutes(4));

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("2000 served", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("does not hold", run.Output, StringComparison.Ordinal);
    }
}
