using System.Net;
using System.Text;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;
using IotPsk.Shared;

namespace IotPsk.Keys.Tests;

/// <summary>The parts together, as a gateway joins them: SQLite registry, authority, key service, a real swtpm.</summary>
public sealed class ServingTests : IDisposable
{
    private static readonly SourcePrefix Loopback = SourcePrefix.Of(IPAddress.Loopback);
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly SqliteRegistry _registry;
    private readonly TpmOwner _owner;
    private readonly KeyService _service;
    private readonly PskAuthority _authority;

    public ServingTests()
    {
        var state = StateDirectory.OpenOrCreate(_directory["state"]);
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        _registry = SqliteRegistry.Open(state, _time);
        _registry.EnrolMany(Enumerable.Range(0, 1001).Select(i => $"dev-{i}"));
        _registry.Watch();
        _owner = new TpmOwner(new EsysTpm(_swtpm.Tcti), new TpmOwnerOptions(), _time, FleetSelfTest.For(_registry));
        _service = new KeyService(_registry, _owner, new KeyServiceOptions { ProbationCapacity = 128 }, _time);
        _authority = new PskAuthority(_registry);
    }

    public void Dispose()
    {
        _owner.Dispose();
        _service.Dispose();
        _registry.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Key_of_a_hello_is_the_key_of_the_credential_and_the_second_hello_uses_no_tpm()
    {
        await _owner.CheckAsync();
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();
        using var credential = DeviceKey.Derive(tpm, _registry.RequireFleet(), _registry.Find("dev-0")!, KeyUse.ImportedTls13Sha256);

        var decision = _authority.Identify(credential.Identity, PskProtocol.Tls13);
        var first = await Ask(decision.Key);
        Assert.True(_service.Promote(decision.Key));
        var commands = _owner.Counters.Total;
        var second = await Ask(decision.Key);

        Assert.Equal(credential.Key.ToArray(), first.Key);
        Assert.Equal(1, first.TpmCommands);
        Assert.Equal(credential.Key.ToArray(), second.Key);
        Assert.Equal(0, second.TpmCommands);
        Assert.Equal(commands, _owner.Counters.Total);
    }

    [Fact]
    public async Task Thousand_unknown_identities_use_no_tpm_command()
    {
        await _owner.CheckAsync();
        _registry.Revoke("dev-1000");
        var commands = _owner.Counters.Total;

        for (var i = 0; i < 1000; i++)
        {
            string[] identities = [$"stranger-{i}~1", $"dev-{i}~2", $"dev-{i}~01", "dev-1000~1", new string('x', i + 1)];
            foreach (var identity in identities)
                Assert.False(_authority.Identify(Encoding.ASCII.GetBytes(identity), PskProtocol.Tls13).IsAccepted);
            var wrongServer = new ImportedIdentity(
                Encoding.ASCII.GetBytes($"dev-{i}~1"), RoleContext.Encode($"dev-{i}", "gateway-02"), Rfc9258.Tls13, Rfc9258.HkdfSha256);
            Assert.Equal(PskRefusal.WrongContext, _authority.Identify(wrongServer.Encode(), PskProtocol.Tls13).Refusal);
        }

        Assert.Equal(commands, _owner.Counters.Total);
    }

    [Fact]
    public async Task Thousand_false_binders_for_thousand_devices_leave_a_proved_device_alone()
    {
        var proved = new KeyId("dev-1000", 1, KeyUse.ImportedTls13Sha256);
        var key = (await Ask(proved)).Key;
        _service.Promote(proved);

        // Each of these hellos gets a key, its binder fails, and nothing is promoted.
        for (var i = 0; i < 1000; i++)
            Assert.Equal(KeyStatus.Ok, (await Ask(new KeyId($"dev-{i}", 1, KeyUse.ImportedTls13Sha256))).Status);

        var again = await Ask(proved);
        Assert.Equal(key, again.Key);
        Assert.Equal(0, again.TpmCommands);
        Assert.Equal(1, _service.CachedKeys);
        Assert.InRange(_service.ProbationKeys, 1, 128);
    }

    [Fact]
    public async Task Thousand_hellos_at_once_share_the_queue_and_fail_at_once_beyond_it()
    {
        await _owner.CheckAsync();
        var answers = Enumerable.Range(0, 1000).Select(i => Ask(new KeyId($"dev-{i}", 1, KeyUse.Psk12))).ToArray();

        var statuses = (await Task.WhenAll(answers)).Select(answer => answer.Status).ToArray();

        Assert.All(statuses, status => Assert.True(status is KeyStatus.Ok or KeyStatus.QueueFull));
        Assert.True(statuses.Count(status => status == KeyStatus.Ok) >= 128);
        Assert.Equal(statuses.Count(status => status == KeyStatus.QueueFull), _owner.QueueFullCount);
        Assert.Equal(0, _owner.QueueDepth);
    }

    [Fact]
    public async Task Revocation_made_elsewhere_is_kept_within_one_poll()
    {
        var identity = CanonicalIdentity.Encode(new KeyId("dev-5", 1, KeyUse.ImportedTls13Sha256), "gateway-01");
        var decision = _authority.Identify(identity, PskProtocol.Tls13);
        await Ask(decision.Key);
        _service.Promote(decision.Key);
        using (var elsewhere = SqliteRegistry.Open(StateDirectory.Open(_directory["state"])))
            elsewhere.Revoke("dev-5");

        _time.Advance(SqliteRegistry.PollInterval);

        Assert.Equal(PskRefusal.RevokedDevice, _authority.Identify(identity, PskProtocol.Tls13).Refusal);
        Assert.False(_service.TryGetCached(decision.Key, new byte[KeyUses.MaxKeySize], out _));
    }

    [Fact]
    public void Revoked_device_gets_no_credential()
    {
        var (device, _) = _registry.Revoke("dev-5");
        using var tpm = new EsysTpm(_swtpm.Tcti);
        tpm.Open();

        var e = Assert.Throws<RegistryException>(() => DeviceKey.Derive(tpm, _registry.RequireFleet(), device, KeyUse.Psk12));

        Assert.Equal(RegistryFault.DeviceRevoked, e.Fault);
        Assert.Equal(0, tpm.Counters[TpmCommand.Hmac]);
    }

    private Task<(KeyStatus Status, byte[] Key, int TpmCommands)> Ask(in KeyId id)
    {
        var answer = new TaskCompletionSource<(KeyStatus, byte[], int)>(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.Request(id, Loopback, answer, static (object? state, in KeyResult result) =>
            ((TaskCompletionSource<(KeyStatus, byte[], int)>)state!).SetResult((result.Status, result.Key.ToArray(), result.TpmCommands)));
        return answer.Task;
    }
}
