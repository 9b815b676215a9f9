using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

public abstract class FleetRotationTests(BackEnd backEnd) : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly BackEnd _backEnd = backEnd;
    private readonly FakeTimeProvider _time = new();

    private RegistrySource Source => _backEnd.Source;

    public void Dispose()
    {
        _swtpm.Dispose();
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Rotation_makes_another_key_and_both_are_accepted()
    {
        var before = Init(_swtpm, Source).ActiveEpoch!;

        var (fleet, finished) = Rotate(_swtpm, Source);

        Assert.False(finished);
        Assert.Equal([EpochState.Overlap, EpochState.Active], fleet.Epochs.Select(epoch => epoch.State));
        Assert.Equal(before.Key, fleet.Epoch(1)!.Key);
        Assert.NotEqual(before.Key.NameHex, fleet.ActiveEpoch!.Key.NameHex);
        Assert.Equal(2, fleet.ActiveEpoch.Number);
        Assert.Equal(["0x81000001", "0x81010001", "0x81010002"], Handles(_swtpm));
        Works(_swtpm, fleet);
    }

    [Fact]
    public void Keys_of_one_device_differ_from_epoch_to_epoch()
    {
        Init(_swtpm, Source);
        var fleet = Rotate(_swtpm, Source).Fleet;
        using var tpm = Open(_swtpm);
        var device = new DeviceRecord("dev-1", DeviceMode.Derived, _time.GetUtcNow(), null, 1);

        using var old = DeviceKey.Derive(tpm, fleet, device, KeyUse.Psk12, 1);
        using var current = DeviceKey.Derive(tpm, fleet, device, KeyUse.Psk12);

        Assert.Equal(("dev-1~1", "dev-1~2"), (old.ExternalIdentity, current.ExternalIdentity));
        Assert.False(old.Key.SequenceEqual(current.Key));
    }

    [Fact]
    public void Rotation_killed_after_any_step_is_finished_by_the_next_one_with_a_single_new_key()
    {
        foreach (var step in Enum.GetValues<FleetSetupStep>().Except([FleetSetupStep.StorageRootReady]))
        {
            using var another = _backEnd.Another();
            using var swtpm = new Swtpm();
            var state = another.Source;
            Init(swtpm, state);
            Assert.Throws<Killed>(() => Rotate(swtpm, state, killAfter: step));
            using (var registry = state.Open())
            {
                // Until it is finished the fleet goes on with the key it has.
                Assert.Equal(1, registry.RequireFleet().ActiveEpoch!.Number);
                Works(swtpm, registry.RequireFleet());
            }

            var (fleet, finished) = Rotate(swtpm, state);

            Assert.Equal(step != FleetSetupStep.KeyCreated, finished);
            Assert.Equal([EpochState.Overlap, EpochState.Active], fleet.Epochs.Select(epoch => epoch.State));
            Assert.Equal(["0x81000001", "0x81010001", "0x81010002"], Handles(swtpm));
            Works(swtpm, fleet);
        }
    }

    [Fact]
    public void Compromise_is_noted_with_the_keys_it_concerns_and_outlives_an_interruption()
    {
        Init(_swtpm, Source);
        Assert.Throws<Killed>(() => Rotate(_swtpm, Source, compromised: true, killAfter: FleetSetupStep.KeyWrittenDown));

        var fleet = Rotate(_swtpm, Source).Fleet;

        Assert.Equal(_time.GetUtcNow(), fleet.Epoch(1)!.CompromisedAt);
        Assert.Null(fleet.ActiveEpoch!.CompromisedAt);
        using var registry = Source.Open();
        Assert.Equal(_time.GetUtcNow(), registry.Fleet!.Epoch(1)!.CompromisedAt);
    }

    [Fact]
    public void Compromise_found_out_after_an_interrupted_rotation_is_noted_too()
    {
        Init(_swtpm, Source);
        Assert.Throws<Killed>(() => Rotate(_swtpm, Source, killAfter: FleetSetupStep.KeyWrittenDown));

        Assert.NotNull(Rotate(_swtpm, Source, compromised: true).Fleet.Epoch(1)!.CompromisedAt);
    }

    [Fact]
    public void Rotation_on_another_tpm_is_refused_and_leaves_nothing()
    {
        Init(_swtpm, Source);
        using var other = new Swtpm();

        Assert.Equal(TpmFault.KeyMissing, Assert.Throws<TpmException>(() => Rotate(other, Source)).Fault);

        Assert.Empty(Handles(other));
        using var registry = Source.Open();
        Assert.Single(registry.Fleet!.Epochs);
    }

    [Fact]
    public void Retired_epoch_is_refused_and_its_key_is_gone_from_the_tpm()
    {
        Init(_swtpm, Source);
        Rotate(_swtpm, Source);
        using var registry = Source.Open();
        registry.Enrol("dev-1");
        var authority = new PskAuthority(registry);
        Assert.True(authority.Identify("dev-1~1"u8, PskProtocol.Tls12).IsAccepted);
        IEnumerable<string> whenRefused = [];

        using (var tpm = new EsysTpm(_swtpm.Tcti))
        {
            var (_, changed) = FleetRotation.Retire(Source, tpm, 1, () => whenRefused = Handles(_swtpm), _time);
            Assert.True(changed);
        }

        Assert.Contains("0x81010001", whenRefused);
        Assert.Equal(["0x81000001", "0x81010002"], Handles(_swtpm));
        registry.Refresh();
        Assert.Equal(PskRefusal.UnknownEpoch, authority.Identify("dev-1~1"u8, PskProtocol.Tls12).Refusal);
        Assert.True(authority.Identify("dev-1~2"u8, PskProtocol.Tls12).IsAccepted);
        var epoch = registry.Fleet!.Epoch(1)!;
        Assert.Equal((EpochState.Retired, _time.GetUtcNow(), _time.GetUtcNow()), (epoch.State, epoch.RetiredAt!.Value, epoch.EvictedAt!.Value));
    }

    [Fact]
    public void Retirement_killed_after_any_step_is_finished_by_the_next_one()
    {
        foreach (var step in Enum.GetValues<FleetRetirementStep>())
        {
            using var another = _backEnd.Another();
            using var swtpm = new Swtpm();
            var state = another.Source;
            Init(swtpm, state);
            Rotate(swtpm, state);
            Assert.Throws<Killed>(() => Retire(swtpm, state, 1, step));
            using (var registry = state.Open())
                Assert.Equal((EpochState.Retired, null), (registry.Fleet!.Epoch(1)!.State, registry.Fleet.Epoch(1)!.EvictedAt));

            var fleet = Retire(swtpm, state, 1).Fleet;

            Assert.NotNull(fleet.Epoch(1)!.EvictedAt);
            Assert.Equal(["0x81000001", "0x81010002"], Handles(swtpm));
            Works(swtpm, fleet);
        }
    }

    [Fact]
    public void Retiring_again_is_harmless_even_when_the_handle_has_another_key_by_now()
    {
        Init(_swtpm, Source);
        Rotate(_swtpm, Source);
        Retire(_swtpm, Source, 1);
        var third = Rotate(_swtpm, Source).Fleet;
        Assert.Equal(0x81010001u, third.ActiveEpoch!.Key.Handle);

        var (fleet, changed) = Retire(_swtpm, Source, 1);

        Assert.False(changed);
        Works(_swtpm, fleet);
    }

    [Fact]
    public void Key_that_somebody_removed_by_hand_does_not_hinder_the_retirement()
    {
        Init(_swtpm, Source);
        Rotate(_swtpm, Source);
        Assert.Throws<Killed>(() => Retire(_swtpm, Source, 1, FleetRetirementStep.Refused));
        _swtpm.Tool("tpm2_evictcontrol", "-C", "o", "-c", "0x81010001");

        Assert.NotNull(Retire(_swtpm, Source, 1).Fleet.Epoch(1)!.EvictedAt);
    }

    [Theory]
    [InlineData(1, "is the active one")]
    [InlineData(7, "has no epoch 7")]
    public void Epoch_that_cannot_be_retired_is_told(int epoch, string words)
    {
        Init(_swtpm, Source);

        var e = Assert.Throws<RegistryException>(() => Retire(_swtpm, Source, epoch));

        Assert.Equal(RegistryFault.WrongEpoch, e.Fault);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Epoch_still_being_made_is_not_retired()
    {
        Init(_swtpm, Source);
        Assert.Throws<Killed>(() => Rotate(_swtpm, Source, killAfter: FleetSetupStep.KeyPersistent));

        Assert.Contains("iotpsk fleet rotate", Assert.Throws<RegistryException>(() => Retire(_swtpm, Source, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gateway_that_had_the_old_key_open_uses_the_new_one_at_the_same_handle()
    {
        Init(_swtpm, Source);
        Rotate(_swtpm, Source);
        using var registry = Source.Open();
        using var tpm = Open(_swtpm);
        FleetSelfTest.Run(tpm, registry.Fleet!);

        Retire(_swtpm, Source, 1);
        Rotate(_swtpm, Source);
        registry.Refresh();

        Assert.Equal(0x81010001u, registry.Fleet!.ActiveEpoch!.Key.Handle);
        FleetSelfTest.Run(tpm, registry.Fleet);
    }

    [Fact]
    public void Ticket_keys_of_a_retired_epoch_are_erased_and_handed_out_no_more()
    {
        Init(_swtpm, Source);
        using var registry = Source.Open(_time);
        using var tpm = Open(_swtpm);
        using var ring = new TicketKeyRing(registry, _time, TimeSpan.FromDays(1));
        ring.Unlock(tpm);
        byte[] first = [];
        ring.Refresh(keys => first = Assert.Single(keys).Name);
        Rotate(_swtpm, Source);
        registry.Refresh();
        ring.Unlock(tpm);
        ring.Refresh(keys => Assert.Equal(2, keys.Count));

        Retire(_swtpm, Source, 1);
        registry.Refresh();

        ring.Refresh(keys => Assert.NotEqual(first, Assert.Single(keys).Name));
        Assert.Equal(2, Assert.Single(registry.TicketKeys.ReadTicketKeys()).Epoch);
    }

    [Fact]
    public void Registry_knows_which_epoch_each_device_proved_last()
    {
        Init(_swtpm, Source);
        using var registry = Source.Open(_time);
        registry.EnrolMany(["a", "b", "c", "d"]);
        registry.Revoke("d");
        registry.Watch();

        registry.NoteEpoch("a", 1);
        registry.NoteEpoch("b", 1);
        registry.NoteEpoch("d", 1);
        registry.NoteEpoch("stranger", 1);
        registry.NoteEpoch("b", 2);
        Assert.Equal(3, registry.CountByEpoch()[0]);
        _time.Advance(SqlRegistry.PollInterval);

        Assert.Equal(new Dictionary<int, int> { [0] = 1, [1] = 1, [2] = 1 }, registry.CountByEpoch());
        Assert.Equal(2, registry.Find("b")!.LastEpoch);
        Assert.Equal(1, registry.Find("b")!.Generation);
    }

    [Fact]
    public void Epochs_noted_last_are_written_when_the_registry_closes()
    {
        Init(_swtpm, Source);
        using (var registry = Source.Open(_time))
        {
            registry.Enrol("a");
            registry.Watch();
            registry.NoteEpoch("a", 1);
        }

        using var again = Source.Open();
        Assert.Equal(1, again.Find("a")!.LastEpoch);
    }

    private static IEnumerable<string> Handles(Swtpm swtpm) =>
        swtpm.Tool("tpm2_getcap", "handles-persistent").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[2..]);

    private static EsysTpm Open(Swtpm swtpm)
    {
        var tpm = new EsysTpm(swtpm.Tcti);
        tpm.Open();
        return tpm;
    }

    private static void Works(Swtpm swtpm, FleetRecord fleet)
    {
        using var tpm = Open(swtpm);
        FleetSelfTest.Run(tpm, fleet);
    }

    private static FleetRecord Init(Swtpm swtpm, RegistrySource source)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return FleetSetup.Init(source, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
    }

    private FleetRotationResult Rotate(Swtpm swtpm, RegistrySource source, bool compromised = false, FleetSetupStep? killAfter = null)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return FleetRotation.Rotate(source, tpm, new FleetRotationOptions { Compromised = compromised }, _time, step =>
        {
            if (step == killAfter)
                throw new Killed();
        });
    }

    private (FleetRecord Fleet, bool Changed) Retire(Swtpm swtpm, RegistrySource source, int epoch, FleetRetirementStep? killAfter = null)
    {
        using var tpm = new EsysTpm(swtpm.Tcti);
        return FleetRotation.Retire(source, tpm, epoch, _time, step =>
        {
            if (step == killAfter)
                throw new Killed();
        });
    }

    private sealed class Killed : Exception;
}

public sealed class FleetRotationTestsOnSqlite() : FleetRotationTests(new SqliteBackEnd());

public sealed class FleetRotationTestsOnPostgres() : FleetRotationTests(new PostgresBackEnd());
