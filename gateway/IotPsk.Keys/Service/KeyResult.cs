namespace IotPsk.Keys;

/// <summary>How a request for a key ended.</summary>
public enum KeyStatus
{
    /// <summary>The key is there.</summary>
    Ok,

    /// <summary>The device's token bucket is empty.</summary>
    DeviceThrottled,

    /// <summary>The source prefix's token bucket is empty.</summary>
    PrefixThrottled,

    /// <summary>The TPM queue, the part of it open to unverified peers, or the waiting list of this key is full.</summary>
    QueueFull,

    /// <summary>The TPM did not answer in time.</summary>
    Deadline,

    /// <summary>The TPM cannot be used now.</summary>
    TpmUnavailable,

    /// <summary>The TPM refused the command.</summary>
    TpmFailed,

    /// <summary>Meanwhile the device was revoked or the epoch retired; or the device has a key of its own in another gateway's TPM.</summary>
    Refused,

    /// <summary>The service is stopping.</summary>
    Stopped,

    /// <summary>Another session of the device is being keyed: one at a time.</summary>
    DeviceBusy,
}

/// <summary>The outcome of a request for a key.</summary>
public readonly ref struct KeyResult
{
    internal KeyResult(KeyStatus status, ReadOnlySpan<byte> key, int tpmCommands, string? problem)
    {
        Status = status;
        Key = key;
        TpmCommands = tpmCommands;
        Problem = problem;
    }

    /// <summary>How it ended.</summary>
    public KeyStatus Status { get; }

    /// <summary>The key when <see cref="Status"/> is Ok, else empty. Zeroed when the callback returns: copy it.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>TPM commands sent for this very request: 0 for a cached key, and for one that another request was already waiting for.</summary>
    public int TpmCommands { get; }

    /// <summary>What is wrong with the TPM, for the log; null when nothing is.</summary>
    public string? Problem { get; }
}

/// <summary>Called exactly once per request: within the request, on the TPM's thread, or on a timer's. Must not block nor throw.</summary>
/// <param name="state">What the requester handed in.</param>
/// <param name="result">The outcome; its key is valid during the call only.</param>
public delegate void KeyReady(object? state, in KeyResult result);
