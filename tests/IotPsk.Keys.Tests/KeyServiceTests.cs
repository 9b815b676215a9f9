using System.Collections.Concurrent;
using System.Net;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

public sealed class KeyServiceTests : IDisposable
{
    private static readonly SourcePrefix Somewhere = SourcePrefix.Of(IPAddress.Parse("192.0.2.7"));
    private readonly FakeTimeProvider _time = new();
    private readonly FakeTpm _tpm = new();
    private readonly FakeRegistry _registry = new();
    private readonly TpmOwner _owner;
    private readonly KeyService _service;
    private TpmFault? _selfTestFault;
    private int _selfTests;

    public KeyServiceTests()
    {
        _registry.EnrolMany(Enumerable.Range(0, 2000).Select(Name));
        _owner = new TpmOwner(_tpm, new TpmOwnerOptions { QueueCapacity = 16 }, _time, SelfTest);
        _service = new KeyService(
            _registry,
            _owner,
            new KeyServiceOptions { ProbationCapacity = 64, DeviceRate = 1, DeviceBurst = 2, PrefixRate = 10, PrefixBurst = 20, MaxWaiters = 100 },
            _time);
    }

    public void Dispose()
    {
        _tpm.OpenDoor();
        _owner.Dispose();
        _service.Dispose();
    }

    [Fact]
    public void First_request_costs_one_command_and_the_second_none()
    {
        var first = Ask(Id(1)).Await();
        var second = Ask(Id(1)).Await();

        Assert.Equal((KeyStatus.Ok, 1), (first.Status, first.TpmCommands));
        Assert.Equal((KeyStatus.Ok, 0), (second.Status, second.TpmCommands));
        Assert.Equal(first.Key, second.Key);
        Assert.Equal(1, _tpm.Hmacs);
        Assert.Equal((1, 1), (_service.Counters.Hits, _service.Counters.Misses));
    }

    [Fact]
    public void Each_use_and_each_device_has_a_key_of_its_own()
    {
        var keys = Enum.GetValues<KeyUse>()
            .SelectMany(use => new[] { Id(1) with { Use = use }, Id(2) with { Use = use } })
            .Select(id => (Id: id, Answer: Ask(id, SourcePrefix.Exempt, bypassBuckets: true).Await()))
            .ToArray();

        Assert.All(keys, key => Assert.Equal(key.Id.Use.KeySize(), key.Answer.Key.Length));
        Assert.Equal(keys.Length, keys.Select(key => Convert.ToHexString(key.Answer.Key)).Distinct().Count());
    }

    [Fact]
    public void Requests_for_one_key_share_one_command()
    {
        _tpm.ShutDoor();
        var answers = Enumerable.Range(0, 50).Select(_ => Ask(Id(1))).ToArray();
        _tpm.OpenDoor();

        var keys = answers.Select(answer => answer.Await()).ToArray();

        Assert.All(keys, key => Assert.Equal(KeyStatus.Ok, key.Status));
        Assert.Single(keys.Select(key => Convert.ToHexString(key.Key)).Distinct());
        Assert.Equal(1, keys.Sum(key => key.TpmCommands));
        Assert.Equal(1, _tpm.Hmacs);
        Assert.Equal(49, _service.Counters.Coalesced);
    }

    [Fact]
    public void Waiting_list_of_one_key_is_bounded()
    {
        _tpm.ShutDoor();
        var answers = Enumerable.Range(0, 101).Select(_ => Ask(Id(1))).ToArray();

        Assert.Equal(KeyStatus.QueueFull, answers[100].Await().Status);
        _tpm.OpenDoor();
        Assert.All(answers[..100], answer => Assert.Equal(KeyStatus.Ok, answer.Await().Status));
    }

    [Fact]
    public void Simultaneous_requests_from_many_threads_cost_one_command()
    {
        var answers = new ConcurrentBag<KeyAnswer>();

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => answers.Add(Ask(Id(i % 4), SourcePrefix.Exempt)));

        Assert.All(answers, answer => Assert.Equal(KeyStatus.Ok, answer.Await().Status));
        Assert.Equal(4, _tpm.Hmacs);
    }

    [Fact]
    public void Device_bucket_empties_and_refills_with_time()
    {
        // The key is forgotten after each derivation, as by false-binder floods that churn probation.
        KeyStatus Derive()
        {
            _service.Evict(Name(1));
            return Ask(Id(1), SourcePrefix.Exempt).Await().Status;
        }

        Assert.Equal([KeyStatus.Ok, KeyStatus.Ok, KeyStatus.DeviceThrottled], [Derive(), Derive(), Derive()]);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([KeyStatus.Ok, KeyStatus.DeviceThrottled], [Derive(), Derive()]);
        Assert.Equal(3, _tpm.Hmacs);
        Assert.Equal(KeyStatus.Ok, Ask(Id(2), SourcePrefix.Exempt).Await().Status);
        Assert.Equal(2, _service.Counters[KeyStatus.DeviceThrottled]);
    }

    [Fact]
    public void Prefix_bucket_limits_a_network_and_only_that_one()
    {
        var answers = Enumerable.Range(0, 25).Select(i => Ask(Id(i), Somewhere).Await().Status).ToArray();

        Assert.Equal(20, answers.Count(status => status == KeyStatus.Ok));
        Assert.Equal(5, answers.Count(status => status == KeyStatus.PrefixThrottled));
        Assert.Equal(KeyStatus.Ok, Ask(Id(100), SourcePrefix.Of(IPAddress.Parse("192.0.3.7"))).Await().Status);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(5, Enumerable.Range(30, 10).Count(i => Ask(Id(i), Somewhere).Await().Status == KeyStatus.Ok));
    }

    [Fact]
    public void Loopback_is_exempt_from_the_prefix_bucket()
    {
        var loopback = SourcePrefix.Of(IPAddress.Loopback);

        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(KeyStatus.Ok, Ask(Id(i), loopback).Await().Status));
    }

    [Fact]
    public void Throttled_network_does_not_use_up_the_devices_tokens()
    {
        for (var i = 0; i < 20; i++)
            Ask(Id(i), Somewhere).Await();
        for (var i = 0; i < 10; i++)
            Assert.Equal(KeyStatus.PrefixThrottled, Ask(Id(500), Somewhere).Await().Status);

        Assert.Equal(KeyStatus.Ok, Ask(Id(500), SourcePrefix.Exempt).Await().Status);
    }

    [Fact]
    public void Full_queue_fails_at_once_and_touches_nobody_else()
    {
        var cached = Ask(Id(1999)).Await();
        Assert.True(_service.Promote(Id(1999)));
        _tpm.ShutDoor();
        var hanging = Ask(Id(0), SourcePrefix.Exempt);
        _tpm.AwaitArrival();
        _tpm.AwaitArrival();
        var waiting = Enumerable.Range(1, 8).Select(i => Ask(Id(i), SourcePrefix.Exempt)).ToArray();

        Assert.Equal(KeyStatus.QueueFull, Ask(Id(9), SourcePrefix.Exempt).Await().Status);
        Assert.Equal(cached.Key, Ask(Id(1999)).Await().Key);

        _tpm.OpenDoor();
        Assert.Equal(KeyStatus.Ok, hanging.Await().Status);
        Assert.All(waiting, answer => Assert.Equal(KeyStatus.Ok, answer.Await().Status));
        Assert.Equal(KeyStatus.Ok, Ask(Id(9), SourcePrefix.Exempt).Await().Status);
    }

    [Fact]
    public async Task Deadline_ends_the_wait_and_a_late_key_still_reaches_the_cache()
    {
        _tpm.ShutDoor();
        var answer = Ask(Id(1));
        _tpm.AwaitArrival();

        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(KeyStatus.Deadline, answer.Await().Status);
        _tpm.OpenDoor();
        await _owner.InvokeAsync(_ => 0).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal((KeyStatus.Ok, 0), (Ask(Id(1)).Await().Status, Ask(Id(1)).Await().TpmCommands));
        Assert.Equal(1, _tpm.Hmacs);
    }

    [Fact]
    public void Dead_tpm_is_said_so_and_comes_back()
    {
        _tpm.OpenFault = TpmFault.Unreachable;
        var answer = Ask(Id(1)).Await();
        Assert.Equal(KeyStatus.TpmUnavailable, answer.Status);
        Assert.Contains("does not open", answer.Problem, StringComparison.Ordinal);

        _tpm.OpenFault = null;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(KeyStatus.Ok, Ask(Id(1)).Await().Status);
    }

    [Fact]
    public void Thousand_unproved_peers_displace_no_proved_key()
    {
        var proved = Ask(Id(1999)).Await();
        Assert.True(_service.Promote(Id(1999)));

        for (var i = 0; i < 1000; i++)
            Assert.Equal(KeyStatus.Ok, Ask(Id(i), SourcePrefix.Exempt).Await().Status);

        var commands = _tpm.Hmacs;
        var again = Ask(Id(1999)).Await();
        Assert.Equal(0, again.TpmCommands);
        Assert.Equal(proved.Key, again.Key);
        Assert.Equal(commands, _tpm.Hmacs);
        Assert.Equal(1, _service.CachedKeys);
        Assert.InRange(_service.ProbationKeys, 1, 64);
    }

    [Fact]
    public void Key_that_left_probation_before_its_proof_is_not_promoted()
    {
        Ask(Id(1999)).Await();
        for (var i = 0; i < 1000; i++)
            Ask(Id(i), SourcePrefix.Exempt).Await();

        Assert.False(_service.Promote(Id(1999)));
        Assert.Equal(1, _service.Counters.PromotedTooLate);
    }

    [Fact]
    public void Revoked_device_loses_its_keys_and_gets_no_new_one()
    {
        Ask(Id(1)).Await();
        _service.Promote(Id(1));
        Ask(Id(1) with { Use = KeyUse.External13 }, SourcePrefix.Exempt).Await();

        _registry.Revoke(Name(1));

        Span<byte> key = stackalloc byte[KeyUses.MaxKeySize];
        Assert.False(_service.TryGetCached(Id(1), key, out _));
        Assert.False(_service.TryGetCached(Id(1) with { Use = KeyUse.External13 }, key, out _));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(KeyStatus.Refused, Ask(Id(1)).Await().Status);
        Assert.Equal(2, _tpm.Hmacs);
    }

    [Fact]
    public void Device_revoked_while_its_request_waits_gets_no_key()
    {
        _tpm.ShutDoor();
        var hanging = Ask(Id(0));
        _tpm.AwaitArrival();
        var waiting = Ask(Id(1));

        _registry.Revoke(Name(1));
        _tpm.OpenDoor();

        Assert.Equal(KeyStatus.Ok, hanging.Await().Status);
        Assert.Equal(KeyStatus.Refused, waiting.Await().Status);
    }

    [Fact]
    public void Device_revoked_while_the_TPM_works_for_it_gets_no_key_and_leaves_none_in_the_cache()
    {
        _tpm.ShutDoor();
        var working = Ask(Id(1));
        _tpm.AwaitArrival();
        _registry.Revoke(Name(1));
        _tpm.OpenDoor();

        Assert.Equal(KeyStatus.Refused, working.Await().Status);
        Assert.False(_service.TryGetCached(Id(1), stackalloc byte[KeyUses.MaxKeySize], out _));
    }

    [Fact]
    public void Retired_epoch_loses_its_keys()
    {
        _registry.SetFleet(FakeRegistry.MakeFleet((1, EpochState.Overlap), (2, EpochState.Active)));
        Ask(Id(1)).Await();
        Ask(Id(1) with { Epoch = 2 }).Await();

        _registry.SetFleet(FakeRegistry.MakeFleet((1, EpochState.Retired), (2, EpochState.Active)));

        Span<byte> key = stackalloc byte[KeyUses.MaxKeySize];
        Assert.False(_service.TryGetCached(Id(1), key, out _));
        Assert.True(_service.TryGetCached(Id(1) with { Epoch = 2 }, key, out _));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(KeyStatus.Refused, Ask(Id(1)).Await().Status);
    }

    [Fact]
    public void Cache_that_is_too_small_for_the_fleet_is_warned_about()
    {
        Assert.Null(_service.CapacityWarning);
        using var small = new KeyService(_registry, _owner, new KeyServiceOptions { CacheCapacity = 3999 }, _time);

        Assert.Contains("2000 devices", small.CapacityWarning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_answers_requests_that_wait()
    {
        _tpm.ShutDoor();
        _ = Ask(Id(0));
        _tpm.AwaitArrival();
        var waiting = Ask(Id(1));
        var stop = Task.Run(_owner.Dispose);
        TpmJobFailure? refusal = null;
        while (refusal != TpmJobFailure.Stopped)
        {
            _owner.TryEnqueue(new Probe(failure => refusal = failure));
            await Task.Yield();
        }

        _tpm.OpenDoor();
        await stop.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(KeyStatus.Stopped, waiting.Await().Status);
        Assert.Equal(KeyStatus.Stopped, Ask(Id(2)).Await().Status);
    }

    [Fact]
    public async Task Key_that_does_not_fit_has_the_tpm_tested_now_and_then_and_a_proved_one_never()
    {
        Ask(Id(1)).Await();
        _service.Promote(Id(1));
        Ask(Id(2)).Await();
        Ask(Id(3)).Await();

        _service.Doubt(Id(1));
        Assert.Equal(1, await SelfTestsAsync());        // the one at the opening
        _service.Doubt(Id(2));
        _service.Doubt(Id(3));
        Assert.Equal(2, await SelfTestsAsync());
        _time.Advance(TimeSpan.FromSeconds(10));
        _service.Doubt(Id(3));
        Assert.Equal(3, await SelfTestsAsync());

        // What was doubted is made anew; what was proved stays.
        Assert.Equal((1, 0), (_service.CachedKeys, _service.ProbationKeys));
        Assert.Equal([0, 1], [Ask(Id(1)).Await().TpmCommands, Ask(Id(2)).Await().TpmCommands]);
    }

    [Fact]
    public void Another_tpm_in_the_place_of_ours_is_found_out_and_none_of_its_keys_is_kept()
    {
        var proved = Ask(Id(1)).Await();
        _service.Promote(Id(1));
        Ask(Id(2)).Await();
        Ask(Id(3)).Await();
        _selfTestFault = TpmFault.KeyMismatch;

        _service.Doubt(Id(2));

        Assert.True(SpinWait.SpinUntil(() => _service.ProbationKeys == 0, TimeSpan.FromSeconds(30)));
        Assert.Equal(KeyStatus.TpmUnavailable, Ask(Id(4)).Await().Status);
        Assert.Equal(proved.Key, Ask(Id(1)).Await().Key);
        _selfTestFault = null;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((KeyStatus.Ok, 1), (Ask(Id(3)).Await().Status, Ask(Id(2)).Await().TpmCommands));
    }

    private void SelfTest(ITpm tpm)
    {
        _selfTests++;
        if (_selfTestFault is { } fault)
            throw new TpmException(fault, "the fake TPM is another one");
    }

    // In the queue behind what was asked for before.
    private Task<int> SelfTestsAsync() => _owner.InvokeAsync(_ => _selfTests).WaitAsync(TimeSpan.FromSeconds(30));

    private static string Name(int number) => $"dev-{number}";

    private static KeyId Id(int number) => new(Name(number), 1, KeyUse.ImportedTls13Sha256);

    private KeyAnswer Ask(in KeyId id) => Ask(id, Somewhere);

    private KeyAnswer Ask(in KeyId id, SourcePrefix source, bool bypassBuckets = false)
    {
        if (bypassBuckets)
            _time.Advance(TimeSpan.FromSeconds(1));
        return KeyAnswer.To(_service, id, source);
    }

    private sealed class Probe(Action<TpmJobFailure> failed) : TpmJob(TpmShare.Trusted)
    {
        protected internal override void Run(ITpm tpm)
        {
        }

        protected override void OnFailed(TpmJobFailure failure, KeysException? reason) => failed(failure);
    }
}
