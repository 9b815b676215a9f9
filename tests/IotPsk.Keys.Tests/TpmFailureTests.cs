using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>A real swtpm that goes away, comes back, or is another one.</summary>
public sealed class TpmFailureTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose()
    {
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Tpm_that_is_not_there_is_named_with_a_way_out()
    {
        _swtpm.Kill();
        using var tpm = new EsysTpm(_swtpm.Tcti);

        var e = Assert.Throws<TpmException>(tpm.Open);

        Assert.Equal(TpmFault.Unreachable, e.Fault);
        Assert.Contains(_swtpm.Tcti, e.Message, StringComparison.Ordinal);
        Assert.Contains("is swtpm running there", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("device:/dev/no-such-tpm", "does not exist")]
    [InlineData("device:/dev/null", "opens but does not answer")]
    [InlineData("nonsense:x", "the TCTI is one of")]
    [InlineData("swtpm:path=/nowhere/socket", "is swtpm running there")]
    public void Wrong_tcti_is_named_with_a_way_out(string tcti, string advice)
    {
        using var tpm = new EsysTpm(tcti);

        var e = Assert.Throws<TpmException>(tpm.Open);

        Assert.Equal(TpmFault.Unreachable, e.Fault);
        Assert.Contains(tcti, e.Message, StringComparison.Ordinal);
        Assert.Contains(advice, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tpm_nobody_started_is_started()
    {
        using var bare = new Swtpm(startup: false);
        using var tpm = new EsysTpm(bare.Tcti);

        tpm.Open();

        Assert.Equal(1, tpm.Counters[TpmCommand.Startup]);
        Assert.Equal("IBM", tpm.Describe().Manufacturer);
    }

    [Fact]
    public async Task Restarted_tpm_is_used_again_and_checked_again()
    {
        var (registry, owner) = Serve();
        using (registry)
        using (owner)
        {
            var before = await Derive(owner, registry);
            _swtpm.Kill();

            var e = await Assert.ThrowsAsync<TpmException>(() => Derive(owner, registry));
            Assert.Equal(TpmFault.Unreachable, e.Fault);
            Assert.False(owner.Health.Ready);
            Assert.Contains("is swtpm running there", owner.Health.Problem, StringComparison.Ordinal);

            _swtpm.Start();
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(before, await Derive(owner, registry));
            Assert.True(owner.Health.Ready);
        }
    }

    [Fact]
    public async Task Restart_between_two_requests_goes_unnoticed()
    {
        var (registry, owner) = Serve();
        using (registry)
        using (owner)
        {
            var before = await Derive(owner, registry);
            _swtpm.Kill();
            _swtpm.Start();

            Assert.Equal(before, await Derive(owner, registry));
        }
    }

    [Fact]
    public async Task Hanging_tpm_holds_nobody_beyond_the_deadline()
    {
        var (registry, owner) = Serve();
        using (registry)
        using (owner)
        {
            var before = await Derive(owner, registry);
            Task<byte[]> hanging;
            using (_swtpm.Freeze())
            {
                hanging = Derive(owner, registry);
                _time.Advance(TimeSpan.FromSeconds(6));
                var e = await Assert.ThrowsAsync<TpmException>(() => hanging.WaitAsync(TimeSpan.FromSeconds(30)));
                Assert.Contains("deadline", e.Message, StringComparison.Ordinal);
            }

            Assert.Equal(before, await Derive(owner, registry).WaitAsync(TimeSpan.FromSeconds(30)));
        }
    }

    [Fact]
    public async Task Another_tpm_is_refused()
    {
        Serve().Owner.Dispose();
        using var other = new Swtpm();
        using var registry = SqliteRegistry.Open(StateDirectory.Open(_directory["state"]));
        using var owner = new TpmOwner(new EsysTpm(other.Tcti), new TpmOwnerOptions(), _time, FleetSelfTest.For(registry));

        var e = await Assert.ThrowsAsync<TpmException>(() => owner.CheckAsync());

        Assert.Equal(TpmFault.KeyMissing, e.Fault);
        Assert.Contains("is this the TPM the fleet was made with", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tpm_with_another_fleets_key_at_the_handle_is_refused()
    {
        Serve().Owner.Dispose();
        using var other = new Swtpm();
        using (var tpm = new EsysTpm(other.Tcti))
            FleetSetup.Init(StateDirectory.OpenOrCreate(_directory["other"]), tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        using var registry = SqliteRegistry.Open(StateDirectory.Open(_directory["state"]));
        using var owner = new TpmOwner(new EsysTpm(other.Tcti), new TpmOwnerOptions(), _time, FleetSelfTest.For(registry));

        var e = await Assert.ThrowsAsync<TpmException>(() => owner.CheckAsync());

        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.Contains("holds another key", e.Message, StringComparison.Ordinal);
        Assert.False(owner.Health.Ready);
    }

    [Fact]
    public async Task Tpm_that_answers_differently_fails_the_self_test()
    {
        var (registry, owner) = Serve();
        using (registry)
        using (owner)
        {
            var fleet = registry.RequireFleet();
            var epoch = fleet.ActiveEpoch!;
            var spoiled = (byte[])epoch.CheckValue.Clone();
            spoiled[0] ^= 1;
            var wrong = new FleetRecord(fleet.ServerId, fleet.StorageRoot, fleet.CreatedAt, [epoch with { CheckValue = spoiled }]);

            var e = await Assert.ThrowsAsync<TpmException>(() => owner.InvokeAsync(tpm =>
            {
                FleetSelfTest.Run(tpm, wrong);
                return 0;
            }));
            Assert.Equal(TpmFault.KeyMismatch, e.Fault);
            Assert.Contains("another answer", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Evicted_fleet_key_is_named()
    {
        var (registry, owner) = Serve();
        using (registry)
        using (owner)
        {
            await Derive(owner, registry);
            _swtpm.Tool("tpm2_evictcontrol", "-C", "o", "-c", "0x81010001");

            var e = await Assert.ThrowsAsync<TpmException>(() => Derive(owner, registry));

            Assert.Equal(TpmFault.KeyMissing, e.Fault);
            Assert.Contains("0x81010001", e.Message, StringComparison.Ordinal);
        }
    }

    private static Task<byte[]> Derive(TpmOwner owner, SqliteRegistry registry) => owner.InvokeAsync(tpm =>
    {
        using var key = DeviceKey.Derive(tpm, registry.RequireFleet(), registry.Find("dev")!, KeyUse.ImportedTls13Sha256);
        return key.Key.ToArray();
    });

    private (SqliteRegistry Registry, TpmOwner Owner) Serve()
    {
        var state = StateDirectory.OpenOrCreate(_directory["state"]);
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        var registry = SqliteRegistry.Open(state, _time);
        registry.Enrol("dev");
        return (registry, new TpmOwner(new EsysTpm(_swtpm.Tcti), new TpmOwnerOptions(), _time, FleetSelfTest.For(registry)));
    }
}
