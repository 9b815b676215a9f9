using System.Net;
using IotPsk.Keys.Tests.Support;
using IotPsk.Shared;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>Bounds of per-session keys, on a clock and a TPM that the test holds.</summary>
public sealed class SessionKeyServiceTests : IDisposable
{
    private const int Strangers = 5;
    private static readonly SourcePrefix Somewhere = SourcePrefix.Of(IPAddress.Parse("192.0.2.7"));
    private readonly FakeTimeProvider _time = new();
    private readonly FakeTpm _tpm = new();
    private readonly FakeRegistry _registry = new();
    private readonly TpmOwner _owner;
    private readonly KeyService _service;

    public SessionKeyServiceTests()
    {
        var pem = new Tss2PrivateKey(0x81000001, [0, 1, 7], [0, 1, 9], true).Write();
        _registry.EnrolWithKeys(Enumerable.Range(0, 20).Select(i => new DeviceKeyRecord($"ses-{i}", DeviceMode.Session, pem, [0, 11, 1], 32)));
        _registry.EnrolMany(Enumerable.Range(0, 20).Select(i => $"dev-{i}"));
        _owner = new TpmOwner(_tpm, new TpmOwnerOptions { QueueCapacity = 16 }, _time);
        _service = new KeyService(_registry, _owner, new KeyServiceOptions { DeviceRate = 1, DeviceBurst = 2, StrangerRate = 1, StrangerBurst = Strangers, PrefixRate = 100, PrefixBurst = 100 }, _time);
    }

    public void Dispose()
    {
        _tpm.OpenDoor();
        _owner.Dispose();
        _service.Dispose();
    }

    [Fact]
    public void Each_session_is_one_hmac_and_nothing_is_cached()
    {
        var first = Ask(1).Await();
        _service.Promote(Id(1), Somewhere);
        var second = KeyAnswer.ToSession(_service, Id(1), new byte[32], [.. new byte[31], 1], Somewhere).Await();

        Assert.Equal((KeyStatus.Ok, KeyStatus.Ok, 2), (first.Status, second.Status, _tpm.Hmacs));
        Assert.NotEqual(first.Key, second.Key);
        Assert.Equal((0, 0), (_service.CachedKeys, _service.ProbationKeys));
    }

    [Fact]
    public void Key_in_the_TPM_of_another_gateway_is_refused_and_this_TPM_left_alone()
    {
        _registry.EnrolWithKeys([_registry.Keys["ses-1"] with { IsHere = false }, _registry.Keys["ses-1"] with { Id = "res", Mode = DeviceMode.Resident, IsHere = false }]);
        var resident = new KeyId("res", ExternalIdentity.ResidentEpoch, KeyUse.ImportedTls13Sha256);

        Assert.Equal(KeyStatus.Refused, Ask(1).Await().Status);
        Assert.Equal(KeyStatus.Refused, KeyAnswer.To(_service, resident, Somewhere).Await().Status);

        Assert.Equal(0, _tpm.Hmacs);
        Assert.True(_owner.Health.Ready);
    }

    [Fact]
    public void Device_has_one_call_in_flight()
    {
        _tpm.ShutDoor();
        var first = Ask(1);
        _tpm.AwaitArrival();
        Assert.Equal(KeyStatus.DeviceBusy, Ask(1).Await().Status);
        _tpm.OpenDoor();
        Assert.Equal(KeyStatus.Ok, first.Await().Status);
        Assert.Equal(KeyStatus.Ok, Ask(1).Await().Status);
    }

    [Fact]
    public void Peers_that_prove_nothing_get_a_call_a_second_and_a_device_that_proves_its_key_as_many_as_it_wants()
    {
        Assert.Equal([KeyStatus.Ok, KeyStatus.Ok, KeyStatus.DeviceThrottled], Enumerable.Range(0, 3).Select(_ => Ask(1).Await().Status));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([KeyStatus.Ok, KeyStatus.DeviceThrottled], Enumerable.Range(0, 2).Select(_ => Ask(1).Await().Status));

        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(KeyStatus.Ok, Ask(2).Await().Status);
            Assert.True(_service.Promote(Id(2), Somewhere));
        }
    }

    [Fact]
    public void Flood_from_another_prefix_that_names_a_device_does_not_hold_it_up()
    {
        for (var second = 0; second < 20; second++)
        {
            for (var i = 0; i < 100; i++)
                Ask(1, Elsewhere(0)).Await();
            Assert.Equal(KeyStatus.DeviceThrottled, Ask(1, Elsewhere(0)).Await().Status);
            Assert.Equal(KeyStatus.Ok, Ask(1).Await().Status);
            // What the device itself proves is its business alone.
            _service.Promote(Id(1), Somewhere);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(20 + 2 + 19, _tpm.Hmacs);
    }

    [Fact]
    public void Flood_from_everywhere_that_names_a_device_gets_a_few_calls_a_second_and_the_device_where_it_was_before_gets_its_own()
    {
        Ask(1).Await();
        _service.Promote(Id(1), Somewhere);
        var before = _tpm.Hmacs;

        for (var i = 0; i < 200; i++)
            Ask(1, Elsewhere(i)).Await();

        Assert.Equal(Strangers, _tpm.Hmacs - before);
        Assert.Equal(KeyStatus.DeviceThrottled, Ask(1, Elsewhere(250)).Await().Status);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(KeyStatus.Ok, Ask(1).Await().Status);
            _service.Promote(Id(1), Somewhere);
        }

        // Others are not held up by it, and the device is known at its new place once it proved its key there.
        Assert.Equal(KeyStatus.Ok, Ask(2).Await().Status);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(KeyStatus.Ok, Ask(1, Elsewhere(251)).Await().Status);
        _service.Promote(Id(1), Elsewhere(251));
        for (var i = 0; i < 200; i++)
            Ask(1, Elsewhere(i)).Await();
        Assert.Equal(KeyStatus.Ok, Ask(1, Elsewhere(251)).Await().Status);
    }

    [Fact]
    public void Device_waits_for_the_call_of_a_peer_that_merely_names_it_and_has_one_in_flight_all_the_same()
    {
        Ask(1).Await();
        _tpm.AwaitArrival();
        _service.Promote(Id(1), Somewhere);
        _tpm.ShutDoor();
        var stranger = Ask(1, Elsewhere(0));
        _tpm.AwaitArrival();
        var device = Ask(1);
        Assert.Equal(KeyStatus.DeviceBusy, Ask(1, Elsewhere(1)).Await().Status);
        Assert.Equal(KeyStatus.DeviceBusy, Ask(1).Await().Status);
        Assert.Equal(0, _owner.QueueDepth);

        _tpm.OpenDoor();

        Assert.Equal((KeyStatus.Ok, KeyStatus.Ok), (stranger.Await().Status, device.Await().Status));
        _service.Promote(Id(1), Somewhere);
        Assert.Equal(KeyStatus.Ok, Ask(1).Await().Status);
    }

    [Fact]
    public void Device_that_waits_is_answered_when_the_tpm_hangs()
    {
        Ask(1).Await();
        _tpm.AwaitArrival();
        _service.Promote(Id(1), Somewhere);
        _tpm.ShutDoor();
        var stranger = Ask(1, Elsewhere(0));
        _tpm.AwaitArrival();
        var device = Ask(1);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(KeyStatus.Deadline, stranger.Await().Status);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(KeyStatus.Deadline, device.Await().Status);
        _tpm.OpenDoor();
        Assert.Equal(KeyStatus.Ok, Ask(1).Await().Status);
    }

    [Fact]
    public void Flood_of_sessions_takes_a_quarter_of_the_queue_and_leaves_the_rest_to_others()
    {
        _tpm.ShutDoor();
        var running = Ask(0);
        _tpm.AwaitArrival();
        var waiting = Enumerable.Range(1, 4).Select(Ask).ToArray();

        Assert.Equal(KeyStatus.QueueFull, Ask(5).Await().Status);
        var other = KeyAnswer.To(_service, new KeyId("dev-1", 1, KeyUse.Psk12), Somewhere);

        _tpm.OpenDoor();
        Assert.Equal(KeyStatus.Ok, other.Await().Status);
        Assert.All([running, .. waiting], answer => Assert.Equal(KeyStatus.Ok, answer.Await().Status));
        Assert.Equal(KeyStatus.Ok, Ask(5).Await().Status);
    }

    [Fact]
    public void Late_answer_of_the_tpm_is_not_given_and_the_device_is_free_again()
    {
        _tpm.ShutDoor();
        var first = Ask(1);
        _tpm.AwaitArrival();
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(KeyStatus.Deadline, first.Await().Status);
        var second = Ask(1);
        _tpm.OpenDoor();
        Assert.Equal(KeyStatus.Ok, second.Await().Status);
    }

    [Fact]
    public void Device_revoked_while_the_tpm_works_gets_no_key()
    {
        _tpm.ShutDoor();
        var asked = Ask(1);
        _tpm.AwaitArrival();
        _registry.Revoke("ses-1");
        _tpm.OpenDoor();

        var answer = asked.Await();

        Assert.Equal(KeyStatus.Refused, answer.Status);
        Assert.Empty(answer.Key);
    }

    [Fact]
    public void Keys_of_the_devices_own_outlive_the_retirement_of_an_epoch()
    {
        _registry.EnrolWithKeys([_registry.Keys["ses-0"] with { Id = "res", Mode = DeviceMode.Resident }]);
        var id = new KeyId("res", ExternalIdentity.ResidentEpoch, KeyUse.ImportedTls13Sha256);
        Assert.Equal(KeyStatus.Ok, KeyAnswer.To(_service, id).Await().Status);
        _service.Promote(id);

        _registry.SetFleet(FakeRegistry.MakeFleet((1, EpochState.Retired), (2, EpochState.Active)));

        Assert.Equal(0, KeyAnswer.To(_service, id).Await().TpmCommands);
        Assert.Equal(1, _service.CachedKeys);
    }

    private static KeyId Id(int number) => new($"ses-{number}", ExternalIdentity.SessionEpoch, KeyUse.Session12);

    private static SourcePrefix Elsewhere(int number) => SourcePrefix.Of(new IPAddress([10, 0, (byte)number, 1]));

    private KeyAnswer Ask(int number) => Ask(number, Somewhere);

    private KeyAnswer Ask(int number, SourcePrefix source) => KeyAnswer.ToSession(_service, Id(number), new byte[32], new byte[32], source);
}
