namespace IotPsk.Keys;

/// <summary>Who a TPM request is made for. Unverified peers get at most half of the queue, sessions with keys of their own a quarter.</summary>
public enum TpmShare
{
    /// <summary>The operator, or a peer that has proved its key.</summary>
    Trusted,

    /// <summary>A peer that has not proved anything yet.</summary>
    Unverified,

    /// <summary>A session whose key is made for it alone; its peer has not proved anything yet.</summary>
    Session,
}

/// <summary>Why a TPM request was not carried out.</summary>
public enum TpmJobFailure
{
    /// <summary>The queue, or this share of it, is full.</summary>
    QueueFull,

    /// <summary>Its deadline passed.</summary>
    Deadline,

    /// <summary>The TPM cannot be used now.</summary>
    Unavailable,

    /// <summary>The TPM refused this one request.</summary>
    Failed,

    /// <summary>The owner is stopping.</summary>
    Stopped,
}

/// <summary>One piece of work for the thread that owns the TPM.</summary>
public abstract class TpmJob
{
    private int _failed;

    /// <summary>A job of this share.</summary>
    protected TpmJob(TpmShare share) => Share = share;

    /// <summary>The share of the queue it counts against.</summary>
    public TpmShare Share { get; }

    /// <summary>TimeProvider timestamp after which it has failed.</summary>
    internal long Deadline { get; set; }

    /// <summary>
    /// Does the work, on the owner's thread. May run a second time after the TPM was reopened, so it must be repeatable up to the point
    /// where a command fails. It runs to its end even when its deadline passes meanwhile: a command that was sent must be read.
    /// </summary>
    /// <exception cref="TpmException">A command failed.</exception>
    protected internal abstract void Run(ITpm tpm);

    /// <summary>Called at most once, on the owner's thread or a timer's; after <see cref="TpmJobFailure.Deadline"/> the work may still end.</summary>
    protected abstract void OnFailed(TpmJobFailure failure, KeysException? reason);

    /// <summary>Reports the failure unless one was reported before.</summary>
    internal bool Fail(TpmJobFailure failure, KeysException? reason = null)
    {
        if (Interlocked.Exchange(ref _failed, 1) != 0)
            return false;
        OnFailed(failure, reason);
        return true;
    }
}

/// <summary>A function on the TPM whose result is awaited.</summary>
internal sealed class TpmCall<T>(Func<ITpm, T> work, TpmShare share, CancellationToken cancellation) : TpmJob(share)
{
    private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<T> Result => _result.Task;

    protected internal override void Run(ITpm tpm)
    {
        if (cancellation.IsCancellationRequested)
        {
            _result.TrySetCanceled(cancellation);
            return;
        }

        try
        {
            _result.TrySetResult(work(tpm));
        }
        catch (KeysException e) when (e is not TpmException)
        {
            _result.TrySetException(e);
        }
    }

    protected override void OnFailed(TpmJobFailure failure, KeysException? reason) =>
        _result.TrySetException(reason ?? TpmOwner.Explain(failure));
}
