using System.Text;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

public abstract class TicketKeyRingTests : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);
    private readonly Swtpm _swtpm = new();
    private readonly BackEnd _backEnd;
    private readonly FakeTimeProvider _time = new();
    private readonly EsysTpm _tpm;
    private readonly IRegistry _registry;

    protected TicketKeyRingTests(BackEnd backEnd)
    {
        _backEnd = backEnd;
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetSetup.Init(backEnd.Source, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        _registry = backEnd.Source.Open(_time);
        _tpm = new EsysTpm(_swtpm.Tcti);
        _tpm.Open();
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _registry.Dispose();
        _swtpm.Dispose();
        _backEnd.Dispose();
        GC.SuppressFinalize(this);
    }

    private TicketKeyRing Ring()
    {
        var ring = new TicketKeyRing(_registry, _time, Lifetime);
        ring.Unlock(_tpm);
        return ring;
    }

    private static string[] Secrets(TicketKeyRing ring)
    {
        string[] secrets = [];
        ring.Refresh(keys => secrets = [.. keys.Select(key => Convert.ToHexString(key.Secret))]);
        return secrets;
    }

    [Fact]
    public void Key_is_made_once_a_day_and_the_current_one_comes_first()
    {
        using var ring = Ring();
        string first = Assert.Single(Secrets(ring));
        _time.Advance(TimeSpan.FromHours(23));
        Assert.Equal([first], Secrets(ring));
        _time.Advance(TimeSpan.FromHours(1));
        string[] second = Secrets(ring);
        Assert.Equal(2, second.Length);
        Assert.Equal(first, second[1]);
    }

    [Fact]
    public void Key_is_erased_a_day_after_its_last_ticket_can_be_good()
    {
        using var ring = Ring();
        string first = Secrets(ring)[0];
        _time.Advance(TicketKeyRing.Period + Lifetime + TimeSpan.FromDays(1) - TimeSpan.FromSeconds(1));
        Assert.Contains(first, Secrets(ring));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(first, Secrets(ring));
        Assert.DoesNotContain(_registry.TicketKeys.ReadTicketKeys(), key => key.CreatedAt <= _time.GetUtcNow() - TimeSpan.FromDays(3));
    }

    [Fact]
    public void Another_gateway_of_the_registry_finds_the_same_keys()
    {
        using var ring = Ring();
        using var other = Ring();
        Assert.Equal(Secrets(ring), Secrets(other));
        _time.Advance(TicketKeyRing.Period);
        Assert.Equal(Secrets(other), Secrets(ring));
        Assert.Equal(2, Secrets(ring).Length);
    }

    [Fact]
    public void Registry_holds_no_ticket_key_in_clear_and_a_changed_row_gives_none()
    {
        using var ring = Ring();
        byte[] secret = [];
        ring.Refresh(keys => secret = [.. keys[0].Secret]);
        foreach (string file in Directory.GetFiles(_backEnd.State.Path))
            Assert.DoesNotContain(Encoding.Latin1.GetString(secret), Encoding.Latin1.GetString(File.ReadAllBytes(file)), StringComparison.Ordinal);

        WrappedTicketKey key = Assert.Single(_registry.TicketKeys.ReadTicketKeys());
        _time.Advance(TicketKeyRing.Period);
        _registry.TicketKeys.AddTicketKey(key with { Name = [1, 2, 3, 4, 5, 6, 7, 8], CreatedAt = _time.GetUtcNow() }, _ => false);
        string[] secrets = Secrets(ring);
        Assert.Equal([Convert.ToHexString(secret)], secrets[1..]);
        Assert.NotEqual(Convert.ToHexString(secret), secrets[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Key_is_bound_to_its_name_and_to_its_time(bool name)
    {
        string secret;
        using (var ring = Ring())
            secret = Assert.Single(Secrets(ring));
        WrappedTicketKey key = Assert.Single(_registry.TicketKeys.ReadTicketKeys());
        _registry.TicketKeys.EraseTicketKeys(_time.GetUtcNow());
        _registry.TicketKeys.AddTicketKey(name ? key with { Name = [1, 2, 3, 4, 5, 6, 7, 8] } : key with { CreatedAt = key.CreatedAt.AddHours(1) }, _ => false);

        using var other = Ring();
        Assert.DoesNotContain(secret, Secrets(other));
    }

    [Fact]
    public void After_the_clock_was_set_back_a_key_of_now_comes_before_that_of_the_future()
    {
        _time.Advance(TimeSpan.FromDays(30));
        using var ring = Ring();
        string future = Secrets(ring)[0];
        // The other clock stands thirty days before the one of the first key.
        var earlier = new FakeTimeProvider();
        using var back = new TicketKeyRing(_registry, earlier, Lifetime);
        back.Unlock(_tpm);
        string[] secrets = Secrets(back);
        Assert.Equal((2, future), (secrets.Length, secrets[1]));
        Assert.Equal(secrets, Secrets(back));
    }

    [Fact]
    public void What_is_handed_out_is_zeroed_afterwards_and_a_locked_ring_gives_nothing()
    {
        using var ring = Ring();
        IReadOnlyList<TicketKeyMaterial>? kept = null;
        ring.Refresh(keys => kept = keys);
        Assert.All(kept![0].Secret, value => Assert.Equal(0, value));
        using var locked = new TicketKeyRing(_registry, _time, Lifetime);
        Assert.Throws<InvalidOperationException>(() => locked.Refresh(_ => { }));
    }
}

public sealed class TicketKeyRingTestsOnSqlite() : TicketKeyRingTests(new SqliteBackEnd());

public sealed class TicketKeyRingTestsOnPostgres() : TicketKeyRingTests(new PostgresBackEnd());
