namespace IotPsk.Keys;

/// <summary>Bounds of a <see cref="TpmOwner"/>.</summary>
public sealed class TpmOwnerOptions
{
    /// <summary>Requests waiting at most, all shares together; at least 2.</summary>
    public int QueueCapacity { get; init; } = 256;

    /// <summary>How long a request may take, waiting included.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After a failed attempt to open the TPM, requests fail at once for this long.</summary>
    public TimeSpan ReopenInterval { get; init; } = TimeSpan.FromMilliseconds(500);
}

/// <summary>Whether the TPM can be used.</summary>
/// <param name="Ready">Open, and its self-test passed.</param>
/// <param name="Problem">Why not; null when ready.</param>
public sealed record TpmHealth(bool Ready, string? Problem);

/// <summary>
/// The one thread that uses a TPM, behind a bounded queue: a TPM takes one command at a time and an ESYS context one caller at a time.
/// Every request has a deadline that holds even while the TPM hangs. A TPM that went away is opened again, self-tested, and the request
/// that hit the gap is repeated once.
/// </summary>
public sealed partial class TpmOwner : IDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);
    private readonly ITpm _tpm;
    private readonly TpmOwnerOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<ITpm>? _selfTest;
    private readonly Lock _gate = new();
    private readonly Queue<TpmJob> _queue = new();
    private readonly SemaphoreSlim _ready = new(0);
    private readonly ITimer _sweep;
    private readonly Thread _thread;
    private TpmJob? _running;
    private long _runningSince;
    private readonly int[] _waiting = new int[3];
    private long _armedFor = long.MaxValue;
    private long _closedUntil = long.MinValue;
    private TpmException? _problem;
    private volatile TpmHealth _health = new(false, "not opened yet");
    private volatile bool _stopping;

    /// <summary>Starts the thread; the TPM is opened by the first request.</summary>
    /// <param name="tpm">The TPM, which is used and disposed by the owner from now on.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="time">The clock of deadlines.</param>
    /// <param name="selfTest">Run after each opening, on the owner's thread; a <see cref="TpmException"/> keeps the TPM from being used.</param>
    public TpmOwner(ITpm tpm, TpmOwnerOptions options, TimeProvider time, Action<ITpm>? selfTest = null)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.QueueCapacity, 2);
        _tpm = tpm;
        _options = options;
        _time = time;
        _selfTest = selfTest;
        _sweep = time.CreateTimer(static owner => ((TpmOwner)owner!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Loop) { IsBackground = true, Name = "iotpsk-tpm" };
        _thread.Start();
    }

    /// <summary>Where the TPM is (TCTI string).</summary>
    public string Address => _tpm.Address;

    /// <summary>Commands sent so far.</summary>
    public TpmCounters Counters => _tpm.Counters;

    /// <summary>What the last request found; see <see cref="CheckAsync"/> to look now.</summary>
    public TpmHealth Health => _health;

    /// <summary>Requests waiting now.</summary>
    public int QueueDepth
    {
        get
        {
            lock (_gate)
                return _queue.Count;
        }
    }

    /// <summary>The thread runs, and has not been at one request for longer than <paramref name="patience"/>: a TPM that is away is no reason, one that hangs is.</summary>
    public bool IsResponsive(TimeSpan patience)
    {
        long since = Volatile.Read(ref _runningSince);
        return _thread.IsAlive && (since == 0 || _time.GetElapsedTime(since) <= patience);
    }

    /// <summary>Queues a job; it fails at once when there is no room for it.</summary>
    /// <returns>False when the job has failed already (queue full, or stopped).</returns>
    public bool TryEnqueue(TpmJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        TpmJobFailure? refusal = null;
        lock (_gate)
        {
            if (_stopping)
            {
                refusal = TpmJobFailure.Stopped;
            }
            else if (_queue.Count >= _options.QueueCapacity || _waiting[(int)job.Share] >= Limit(job.Share))
            {
                refusal = TpmJobFailure.QueueFull;
                Interlocked.Increment(ref _queueFull);
            }
            else
            {
                job.Deadline = _time.GetTimestamp() + ToTicks(_options.Deadline);
                _queue.Enqueue(job);
                _waiting[(int)job.Share]++;
                Arm(job.Deadline);
            }
        }

        if (refusal is { } failure)
        {
            job.Fail(failure);
            return false;
        }

        _ready.Release();
        return true;
    }

    /// <summary>Runs a function on the owner's thread.</summary>
    /// <exception cref="TpmException">The TPM failed, the queue is full, or the deadline passed.</exception>
    public Task<T> InvokeAsync<T>(Func<ITpm, T> work, TpmShare share = TpmShare.Trusted, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        var call = new TpmCall<T>(work, share, cancellation);
        TryEnqueue(call);
        return call.Result;
    }

    /// <summary>Opens the TPM if it is not open, self-test included; when open, repeats the self-test (commands are sent).</summary>
    /// <exception cref="TpmException">It cannot be used; the message says why.</exception>
    public Task<TpmHealth> CheckAsync(CancellationToken cancellation = default) => InvokeAsync(
        tpm =>
        {
            _selfTest?.Invoke(tpm);
            return new TpmHealth(true, null);
        },
        TpmShare.Trusted,
        cancellation);

    /// <summary>Ends the thread once its command has been answered; whatever still waits fails.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
        }

        _ready.Release();
        _sweep.Dispose();
        // A TPM that hangs must not keep the program from ending: the thread is a background one.
        if (Thread.CurrentThread != _thread && _thread.Join(StopTimeout))
            _ready.Dispose();
    }

    internal static TpmException Explain(TpmJobFailure failure) => failure switch
    {
        TpmJobFailure.QueueFull => new TpmException(TpmFault.Busy, "The TPM queue is full: try again later"),
        TpmJobFailure.Deadline => new TpmException(TpmFault.Busy, "The TPM did not answer within the deadline"),
        TpmJobFailure.Stopped => new TpmException(TpmFault.Unreachable, "The TPM is being closed"),
        _ => new TpmException(TpmFault.Unreachable, "The TPM cannot be used now"),
    };

    private int Limit(TpmShare share) => share switch
    {
        TpmShare.Unverified => _options.QueueCapacity / 2,
        TpmShare.Session => Math.Max(1, _options.QueueCapacity / 4),
        _ => _options.QueueCapacity,
    };

    private long ToTicks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);
}
