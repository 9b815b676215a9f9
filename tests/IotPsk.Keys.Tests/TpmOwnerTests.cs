using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

public sealed class TpmOwnerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TpmKeyReference Key = new(0x81010001, [0, 11]);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeTpm _tpm = new();
    private readonly TpmOwner _owner;
    private TpmFault? _selfTestFault;

    public TpmOwnerTests() => _owner = new TpmOwner(
        _tpm,
        new TpmOwnerOptions { QueueCapacity = 8, Deadline = TimeSpan.FromSeconds(5), ReopenInterval = TimeSpan.FromSeconds(1) },
        _time,
        _ =>
        {
            if (_selfTestFault is { } fault)
                throw new TpmException(fault, "self-test failed");
        });

    public void Dispose()
    {
        _tpm.OpenDoor();
        _owner.Dispose();
    }

    [Fact]
    public async Task Work_runs_on_one_thread_of_its_own()
    {
        var first = await _owner.InvokeAsync(_ => Environment.CurrentManagedThreadId);
        var second = await _owner.InvokeAsync(_ => Environment.CurrentManagedThreadId);

        Assert.Equal(first, second);
        Assert.NotEqual(Environment.CurrentManagedThreadId, first);
        Assert.Equal("iotpsk-tpm", await _owner.InvokeAsync(_ => Thread.CurrentThread.Name));
    }

    [Fact]
    public async Task Work_that_throws_fails_alone()
    {
        var e = await Assert.ThrowsAsync<TpmException>(() => _owner.InvokeAsync<int>(_ => throw new InvalidOperationException("a fault of the work")).WaitAsync(Patience));

        Assert.Contains("a fault of the work", e.Message, StringComparison.Ordinal);
        await Hmac();
        Assert.Equal(1, _tpm.OpenAttempts);
    }

    [Fact]
    public async Task Tpm_is_opened_once_and_by_the_first_request()
    {
        Assert.Equal(0, _tpm.OpenAttempts);
        Assert.False(_owner.Health.Ready);

        await Hmac();
        await Hmac();

        Assert.Equal(1, _tpm.OpenAttempts);
        Assert.True(_owner.Health.Ready);
    }

    [Fact]
    public async Task Queue_holds_so_many_and_refuses_the_next_at_once()
    {
        var running = Block();
        var waiting = Enumerable.Range(0, 8).Select(_ => Hmac()).ToArray();

        var e = await Assert.ThrowsAsync<TpmException>(Hmac);

        Assert.Contains("queue is full", e.Message, StringComparison.Ordinal);
        Assert.Equal(8, _owner.QueueDepth);
        Assert.Equal(1, _owner.QueueFullCount);
        _tpm.OpenDoor();
        await running.WaitAsync(Patience);
        await Task.WhenAll(waiting).WaitAsync(Patience);
    }

    [Fact]
    public async Task Unverified_requests_take_at_most_half_of_the_queue()
    {
        var running = Block();
        var unverified = Enumerable.Range(0, 4).Select(_ => Hmac(TpmShare.Unverified)).ToArray();

        await Assert.ThrowsAsync<TpmException>(() => Hmac(TpmShare.Unverified));
        var trusted = Enumerable.Range(0, 4).Select(_ => Hmac()).ToArray();

        _tpm.OpenDoor();
        await Task.WhenAll([running, .. unverified, .. trusted]).WaitAsync(Patience);
    }

    [Fact]
    public async Task Deadline_holds_for_what_waits_and_for_what_hangs_in_the_tpm()
    {
        var running = Block();
        var waiting = Hmac();

        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(running.IsCompleted);
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Contains("deadline", (await Assert.ThrowsAsync<TpmException>(() => waiting.WaitAsync(Patience))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TpmException>(() => running.WaitAsync(Patience));
        Assert.Equal(2, _owner.DeadlineCount);
        Assert.Equal(0, _owner.QueueDepth);
        _tpm.OpenDoor();
        await Hmac().WaitAsync(Patience);
        Assert.Equal(2, _tpm.Hmacs);
    }

    [Fact]
    public async Task Places_of_overdue_requests_are_free_again()
    {
        _ = Block();
        var overdue = Enumerable.Range(0, 4).Select(_ => Hmac(TpmShare.Unverified)).ToArray();
        _time.Advance(TimeSpan.FromSeconds(6));

        var fresh = Enumerable.Range(0, 4).Select(_ => Hmac(TpmShare.Unverified)).ToArray();

        _tpm.OpenDoor();
        await Task.WhenAll(fresh).WaitAsync(Patience);
        foreach (var task in overdue)
            await Assert.ThrowsAsync<TpmException>(() => task.WaitAsync(Patience));
    }

    [Fact]
    public async Task Deadlines_of_later_requests_are_kept_too()
    {
        _ = Block();
        var early = Hmac();
        _time.Advance(TimeSpan.FromSeconds(3));
        var late = Hmac();

        _time.Advance(TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<TpmException>(() => early.WaitAsync(Patience));
        Assert.False(late.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<TpmException>(() => late.WaitAsync(Patience));
    }

    [Theory]
    [InlineData(TpmFault.Reset)]
    [InlineData(TpmFault.Unreachable)]
    [InlineData(TpmFault.KeyMissing)]
    public async Task Request_that_hits_a_reset_is_repeated_on_a_new_connection(TpmFault fault)
    {
        await Hmac();
        _tpm.HmacFaults.Enqueue(fault);

        await Hmac();

        Assert.Equal(2, _owner.OpenedCount);
        Assert.Equal(3, _tpm.Hmacs);
    }

    [Fact]
    public async Task Failure_of_one_request_leaves_the_connection_alone()
    {
        await Hmac();
        _tpm.HmacFaults.Enqueue(TpmFault.AuthorizationFailed);

        await Assert.ThrowsAsync<TpmException>(Hmac);
        await Hmac();

        Assert.Equal(1, _owner.OpenedCount);
    }

    [Fact]
    public async Task Tpm_that_is_gone_is_tried_again_after_a_pause_and_not_for_every_request()
    {
        await Hmac();
        _tpm.HmacFaults.Enqueue(TpmFault.Unreachable);
        _tpm.OpenFault = TpmFault.Unreachable;

        for (var i = 0; i < 5; i++)
            await Assert.ThrowsAsync<TpmException>(Hmac);
        Assert.Equal(2, _tpm.OpenAttempts);
        Assert.False(_owner.Health.Ready);
        Assert.Contains("does not open", _owner.Health.Problem, StringComparison.Ordinal);

        _tpm.OpenFault = null;
        _time.Advance(TimeSpan.FromSeconds(2));
        await Hmac();
        Assert.True(_owner.Health.Ready);
    }

    [Fact]
    public async Task Tpm_that_fails_its_self_test_is_not_used()
    {
        _selfTestFault = TpmFault.KeyMismatch;

        var e = await Assert.ThrowsAsync<TpmException>(Hmac);

        Assert.Equal(TpmFault.KeyMismatch, e.Fault);
        Assert.Equal(0, _tpm.Hmacs);
        Assert.False(_owner.Health.Ready);
    }

    [Fact]
    public async Task Stopping_answers_everything_that_waits()
    {
        var running = Block();
        var waiting = Hmac();
        var stop = Task.Run(_owner.Dispose);
        while (!stop.IsCompleted && !waiting.IsCompleted)
        {
            _tpm.OpenDoor();
            await Task.Yield();
        }

        await stop.WaitAsync(Patience);
        await running.WaitAsync(Patience);
        await Task.WhenAny(waiting).WaitAsync(Patience);
        await Assert.ThrowsAsync<TpmException>(Hmac);
        Assert.False(_tpm.IsOpen);
    }

    [Fact]
    public async Task Cancelled_request_sends_no_command()
    {
        _ = Block();
        using var cancellation = new CancellationTokenSource();
        var cancelled = _owner.InvokeAsync(Command, TpmShare.Trusted, cancellation.Token);

        await cancellation.CancelAsync();
        _tpm.OpenDoor();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Patience));
        Assert.Equal(1, _tpm.Hmacs);
    }

    private static byte[] Command(ITpm tpm)
    {
        var mac = new byte[32];
        tpm.Hmac(Key, "message"u8, mac);
        return mac;
    }

    private Task<byte[]> Hmac() => Hmac(TpmShare.Trusted);

    private Task<byte[]> Hmac(TpmShare share) => _owner.InvokeAsync(Command, share);

    /// <summary>A request that hangs in the TPM.</summary>
    private Task<byte[]> Block()
    {
        _tpm.ShutDoor();
        var running = Hmac();
        _tpm.AwaitArrival();
        return running;
    }
}
