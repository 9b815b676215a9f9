using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public abstract class FleetSetupTests(BackEnd backEnd) : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly BackEnd _backEnd = backEnd;

    private RegistrySource Source => _backEnd.Source;

    public void Dispose()
    {
        _swtpm.Dispose();
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Second_init_is_refused_before_the_tpm_is_touched()
    {
        var fleet = Init();
        using var tpm = new EsysTpm(_swtpm.Tcti);

        var e = Assert.Throws<RegistryException>(() => FleetSetup.Init(Source, tpm, new FleetSetupOptions { ServerId = "gateway-01" }));

        Assert.Equal(RegistryFault.FleetExists, e.Fault);
        Assert.Contains("'gateway-01'", e.Message, StringComparison.Ordinal);
        using var registry = Source.Open();
        Assert.Contains(registry.Location, e.Message, StringComparison.Ordinal);
        Assert.Equal(0, tpm.Counters.Total);
        Assert.Equal(fleet.ActiveEpoch!.Key, registry.RequireFleet().ActiveEpoch!.Key);
    }

    [Fact]
    public void Init_stopped_after_any_step_is_finished_by_the_next_one_with_a_single_key()
    {
        foreach (var step in Enum.GetValues<FleetSetupStep>())
        {
            using var swtpm = new Swtpm();
            using var another = _backEnd.Another();
            var state = another.Source;
            Assert.Throws<Killed>(() => Init(swtpm, state, killAfter: step));

            var fleet = Init(swtpm, state);

            var persistent = swtpm.Tool("tpm2_getcap", "handles-persistent").Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(["- 0x81000001", "- 0x81010001"], persistent);
            Assert.Equal(EpochState.Active, Assert.Single(fleet.Epochs).State);
            using var tpm = new EsysTpm(swtpm.Tcti);
            tpm.Open();
            FleetSelfTest.Run(tpm, fleet);
        }
    }

    [Fact]
    public void Key_that_was_begun_is_the_key_that_is_finished()
    {
        Assert.Throws<Killed>(() => Init(_swtpm, Source, killAfter: FleetSetupStep.KeyWrittenDown));
        byte[] begun;
        using (var registry = Source.Open())
            begun = Assert.Single(registry.Fleet!.Epochs).Key.Name;

        Assert.Equal(begun, Init().ActiveEpoch!.Key.Name);
    }

    [Fact]
    public void Interrupted_init_is_not_a_usable_fleet_and_says_how_to_finish()
    {
        Assert.Throws<Killed>(() => Init(_swtpm, Source, killAfter: FleetSetupStep.KeyPersistent));
        using var registry = Source.Open();

        var e = Assert.Throws<RegistryException>(() => registry.RequireFleet());

        Assert.Equal(RegistryFault.NoFleet, e.Fault);
        Assert.Contains("fleet init --server-id gateway-01", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupted_init_is_not_finished_under_another_name()
    {
        Assert.Throws<Killed>(() => Init(_swtpm, Source, killAfter: FleetSetupStep.KeyPersistent));

        var e = Assert.Throws<RegistryException>(() => Init(_swtpm, Source, serverId: "other"));

        Assert.Contains("--server-id gateway-01", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupted_init_is_not_finished_on_another_tpm()
    {
        Assert.Throws<Killed>(() => Init(_swtpm, Source, killAfter: FleetSetupStep.KeyWrittenDown));
        using var other = new Swtpm();

        var e = Assert.Throws<TpmException>(() => Init(other, Source));

        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.Contains("begun on another TPM", e.Message, StringComparison.Ordinal);
        Assert.Equal(0x81010001u, Init().ActiveEpoch!.Key.Handle);
    }

    [Fact]
    public void Handle_taken_by_another_fleet_meanwhile_is_left_to_it()
    {
        Assert.Throws<Killed>(() => Init(_swtpm, Source, killAfter: FleetSetupStep.KeyWrittenDown));
        using var another = _backEnd.Another();
        var other = Init(_swtpm, another.Source);

        var fleet = Init();

        Assert.Equal(0x81010001u, other.ActiveEpoch!.Key.Handle);
        Assert.Equal(0x81010002u, fleet.ActiveEpoch!.Key.Handle);
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();
        FleetSelfTest.Run(tpm, other);
        FleetSelfTest.Run(tpm, fleet);
    }

    [Fact]
    public void Init_while_another_one_runs_is_refused()
    {
        using var held = _backEnd.State.LockFleet();

        Assert.Equal(RegistryFault.Busy, Assert.Throws<RegistryException>(() => Init()).Fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("gateway 01")]
    public void Server_id_outside_the_alphabet_is_refused(string serverId) =>
        Assert.Equal(
            RegistryFault.InvalidValue, Assert.Throws<RegistryException>(() => Init(_swtpm, Source, serverId: serverId)).Fault);

    [Fact]
    public void Neither_blob_nor_key_stays_in_the_state_directory()
    {
        Init();
        using var registry = Source.Open();
        registry.Enrol("sensor-0001");
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();
        using var key = DeviceKey.Derive(tpm, registry.RequireFleet(), registry.Find("sensor-0001")!, KeyUse.External13);

        foreach (var file in Directory.GetFiles(_backEnd.State.Path))
            Assert.Equal(-1, File.ReadAllBytes(file).AsSpan().IndexOf(key.Key));
        var e = Assert.Throws<RegistryException>(() => registry.Fleets.ReadPending(1));
        Assert.Equal(RegistryFault.Damaged, e.Fault);
    }

    private static FleetRecord Init(Swtpm swtpm, RegistrySource source, FleetSetupStep? killAfter = null, string serverId = "gateway-01")
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return FleetSetup.Init(source, tpm, new FleetSetupOptions { ServerId = serverId }, TimeProvider.System, step =>
        {
            if (step == killAfter)
                throw new Killed();
        });
    }

    private FleetRecord Init() => Init(_swtpm, Source);

    private sealed class Killed : Exception;
}

public sealed class FleetSetupTestsOnSqlite() : FleetSetupTests(new SqliteBackEnd());

public sealed class FleetSetupTestsOnPostgres() : FleetSetupTests(new PostgresBackEnd());
