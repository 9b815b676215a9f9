using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

public abstract class RekeyingTests(BackEnd backEnd) : IDisposable
{
    private static readonly EsysTpm.WrappedKey Wrapped = new([1], [2]);
    private readonly BackEnd _backEnd = backEnd;
    private readonly FakeTimeProvider _time = new();

    public void Dispose()
    {
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Device_of_an_older_epoch_gets_the_newest_one_once_an_hour_whoever_is_asked()
    {
        using var registry = Fleet(epochs: 2);
        using var other = _backEnd.Source.Open(_time);

        Assert.Equal(RekeyVerdict.Granted, registry.NoteRekey(Request()));
        Assert.Equal(RekeyVerdict.TooSoon, registry.NoteRekey(Request()));
        Assert.Equal(RekeyVerdict.TooSoon, other.NoteRekey(Request()));
        Assert.Equal(_time.GetUtcNow(), registry.Find("dev-1")!.RekeyedAt);
        Assert.Equal(1, registry.Find("dev-1")!.Generation);

        _time.Advance(RekeyRules.Pause - TimeSpan.FromMilliseconds(1));
        Assert.Equal(RekeyVerdict.TooSoon, other.NoteRekey(Request()));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(RekeyVerdict.Granted, other.NoteRekey(Request()));
        Assert.Equal(RekeyVerdict.TooSoon, registry.NoteRekey(Request()));
    }

    [Fact]
    public void The_hour_outlives_the_process_and_a_clock_that_was_set_back()
    {
        _time.Advance(TimeSpan.FromDays(30));
        using (var registry = Fleet(epochs: 2))
            Assert.Equal(RekeyVerdict.Granted, registry.NoteRekey(Request()));

        using var again = _backEnd.Source.Open(_time);
        Assert.Equal(RekeyVerdict.TooSoon, again.NoteRekey(Request()));
        using var withOtherClock = _backEnd.Source.Open(new FakeTimeProvider());
        Assert.Equal(RekeyVerdict.Granted, withOtherClock.NoteRekey(Request()));
    }

    [Fact]
    public void Of_many_who_ask_at_once_one_is_granted()
    {
        using var registry = Fleet(epochs: 2);
        using var other = _backEnd.Source.Open(_time);
        var verdicts = new RekeyVerdict[16];

        Parallel.For(0, verdicts.Length, i => verdicts[i] = (i % 2 == 0 ? registry : other).NoteRekey(Request()));

        Assert.Equal(1, verdicts.Count(verdict => verdict == RekeyVerdict.Granted));
        Assert.Equal(verdicts.Length - 1, verdicts.Count(verdict => verdict == RekeyVerdict.TooSoon));
    }

    [Fact]
    public void What_the_registry_says_now_counts_and_not_what_was_read_before()
    {
        using var registry = Fleet(epochs: 2);
        using var other = _backEnd.Source.Open(_time);
        Assert.True(registry.TryGetDevice("dev-1", out _) && registry.TryGetDevice("dev-2", out _));

        // Unnoticed by the first, as within a polling interval.
        other.Revoke("dev-1");
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request()));
        other.Reinstate("dev-1");
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request()));
        Assert.Equal(RekeyVerdict.Granted, registry.NoteRekey(Request() with { Generation = 3 }));

        other.Fleets.MarkCompromised(2);
        Assert.Equal(RekeyVerdict.Compromised, registry.NoteRekey(Request("dev-2")));
    }

    [Fact]
    public void Nobody_gets_a_key_on_the_strength_of_one_that_is_known_to_others_or_retired()
    {
        using var registry = Fleet(epochs: 1);
        registry.Fleets.BeginEpoch(2, Key(2), Wrapped, compromised: true);
        registry.Fleets.Activate(2, [9]);
        Assert.Equal(RekeyVerdict.Compromised, registry.NoteRekey(Request()));

        // The next rotation, an ordinary one, does not make the old key any better; that of epoch 2 is good.
        registry.Fleets.BeginEpoch(3, Key(3), Wrapped, compromised: false);
        registry.Fleets.Activate(3, [9]);
        Assert.Equal(RekeyVerdict.Compromised, registry.NoteRekey(Request() with { To = 3 }));
        Assert.Equal(RekeyVerdict.Granted, registry.NoteRekey(Request() with { From = 2, To = 3 }));

        registry.Fleets.Retire(1);
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request("dev-2") with { To = 3 }));
    }

    [Fact]
    public void Devices_of_the_newest_epoch_those_with_keys_of_their_own_and_strangers_get_nothing()
    {
        using var registry = Fleet(epochs: 2);
        registry.Enrol("resident-1", DeviceMode.Resident);

        Assert.Equal(RekeyVerdict.Current, registry.NoteRekey(Request() with { From = 2 }));
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request("resident-1")));
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request("stranger")));
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request() with { From = -1 }));
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request() with { From = 7 }));
        Assert.Equal(RekeyVerdict.NotAccepted, registry.NoteRekey(Request() with { To = 1 }));
        Assert.Null(registry.Find("dev-1")!.RekeyedAt);
    }

    private static RekeyRequest Request(string device = "dev-1") => new(device, 1, From: 1, To: 2);

    private static TpmKeyReference Key(int epoch) => new(0x81010000u + (uint)epoch, [0, 11, (byte)epoch]);

    private IRegistry Fleet(int epochs)
    {
        var registry = _backEnd.Source.OpenOrCreate(_time);
        registry.Fleets.BeginFleet("gw", new TpmKeyReference(0x81000001, [0, 11, 0]), Key(1), Wrapped);
        registry.Fleets.Activate(1, [9]);
        for (var epoch = 2; epoch <= epochs; epoch++)
        {
            registry.Fleets.BeginEpoch(epoch, Key(epoch), Wrapped, compromised: false);
            registry.Fleets.Activate(epoch, [9]);
        }

        registry.EnrolMany(["dev-1", "dev-2"]);
        return registry;
    }
}

public sealed class RekeyingTestsOnSqlite() : RekeyingTests(new SqliteBackEnd());

public sealed class RekeyingTestsOnPostgres() : RekeyingTests(new PostgresBackEnd());
