namespace IotPsk.Keys;

/// <summary>The thread and the deadline timer.</summary>
public sealed partial class TpmOwner
{
    private long _queueFull;
    private long _expired;
    private long _reopened;

    /// <summary>Requests refused because the queue, or their share of it, was full.</summary>
    public long QueueFullCount => Volatile.Read(ref _queueFull);

    /// <summary>Requests whose deadline passed.</summary>
    public long DeadlineCount => Volatile.Read(ref _expired);

    /// <summary>How often the TPM was opened, the first time included.</summary>
    public long OpenedCount => Volatile.Read(ref _reopened);

    private void Loop()
    {
        while (true)
        {
            _ready.Wait();
            if (_stopping)
                break;
            TpmJob? job;
            lock (_gate)
            {
                // A job that was swept away leaves its permit behind.
                if (!_queue.TryDequeue(out job))
                    continue;
                _waiting[(int)job.Share]--;
                _running = job;
            }

            // 0 stands for "at rest".
            Volatile.Write(ref _runningSince, Math.Max(1, _time.GetTimestamp()));
            Carry(job);
            Volatile.Write(ref _runningSince, 0);
            lock (_gate)
                _running = null;
        }

        FailWaiting();
        _tpm.Dispose();
    }

    private void Carry(TpmJob job)
    {
        if (_time.GetTimestamp() >= job.Deadline)
        {
            Expire(job);
            return;
        }

        for (var attempt = 0; ; attempt++)
        {
            if (!EnsureOpen())
            {
                job.Fail(TpmJobFailure.Unavailable, _problem);
                return;
            }

            try
            {
                job.Run(_tpm);
                return;
            }
            catch (ObjectDisposedException) when (_stopping)
            {
                // A TPM that answers after everybody stopped waiting for it.
                job.Fail(TpmJobFailure.Stopped);
                return;
            }
            catch (KeysException e) when (e is not TpmException)
            {
                // The registry cannot be read, or the key in it is damaged: nothing that opening the TPM anew would mend.
                job.Fail(TpmJobFailure.Failed, e);
                return;
            }
            catch (TpmException e)
            {
                // A key that is missing or another one means that the TPM was swapped: the self-test of a new opening says so.
                var reopen = e.IsReopenable || e.Fault is TpmFault.KeyMissing or TpmFault.KeyMismatch;
                if (reopen)
                {
                    _tpm.Close();
                    _health = new TpmHealth(false, e.Message);
                }

                if (!reopen || attempt > 0)
                {
                    job.Fail(e.IsReopenable ? TpmJobFailure.Unavailable : TpmJobFailure.Failed, e);
                    return;
                }
            }
            catch (Exception e)
            {
                // Work that throws anything else fails alone: without this thread there would be no keys for anybody.
                job.Fail(TpmJobFailure.Failed, new TpmException(TpmFault.Failed, $"Work for the TPM at {_tpm.Address} threw {e.GetType().Name}: {e.Message}", inner: e));
                return;
            }
        }
    }

    private bool EnsureOpen()
    {
        if (_tpm.IsOpen)
            return true;
        if (_time.GetTimestamp() < _closedUntil)
            return false;
        try
        {
            _tpm.Open();
            _selfTest?.Invoke(_tpm);
            _problem = null;
            _health = new TpmHealth(true, null);
            Interlocked.Increment(ref _reopened);
            return true;
        }
        catch (TpmException e)
        {
            _tpm.Close();
            _problem = e;
            _health = new TpmHealth(false, e.Message);
            _closedUntil = _time.GetTimestamp() + ToTicks(_options.ReopenInterval);
            return false;
        }
    }

    private void Expire(TpmJob job)
    {
        if (job.Fail(TpmJobFailure.Deadline))
            Interlocked.Increment(ref _expired);
    }

    /// <summary>Sets the timer for the nearest deadline; called under the lock.</summary>
    private void Arm(long deadline)
    {
        if (deadline >= _armedFor)
            return;
        _armedFor = deadline;
        var wait = Math.Max(0, deadline - _time.GetTimestamp());
        // Rounded up, so that the timer never fires before the deadline and finds nothing to do.
        var milliseconds = (wait * 1000 / _time.TimestampFrequency) + 1;
        _sweep.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    /// <summary>Fails what is overdue, the running job included: it goes on, but nobody waits for it any longer.</summary>
    private void Sweep()
    {
        List<TpmJob>? overdue = null;
        lock (_gate)
        {
            if (_stopping)
                return;
            _armedFor = long.MaxValue;
            var now = _time.GetTimestamp();
            var nearest = long.MaxValue;
            for (var left = _queue.Count; left > 0; left--)
            {
                var job = _queue.Dequeue();
                if (now >= job.Deadline)
                {
                    _waiting[(int)job.Share]--;
                    (overdue ??= []).Add(job);
                    continue;
                }

                _queue.Enqueue(job);
                nearest = Math.Min(nearest, job.Deadline);
            }

            if (_running is { } running)
            {
                if (now >= running.Deadline)
                {
                    (overdue ??= []).Add(running);
                    running.Deadline = long.MaxValue;
                }

                nearest = Math.Min(nearest, running.Deadline);
            }

            if (nearest != long.MaxValue)
                Arm(nearest);
        }

        if (overdue == null)
            return;
        foreach (var job in overdue)
            Expire(job);
    }

    private void FailWaiting()
    {
        while (true)
        {
            TpmJob? job;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out job))
                    return;
            }

            job.Fail(TpmJobFailure.Stopped);
        }
    }
}
