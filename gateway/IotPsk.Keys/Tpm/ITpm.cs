namespace IotPsk.Keys;

/// <summary>
/// A TPM as the key service needs it: blocking, and used by one thread at a time. <see cref="EsysTpm"/> is the real one.
/// </summary>
public interface ITpm : IDisposable
{
    /// <summary>Where the TPM is, for messages (a TCTI string).</summary>
    string Address { get; }

    /// <summary>Commands sent so far.</summary>
    TpmCounters Counters { get; }

    /// <summary>Whether a connection is open.</summary>
    bool IsOpen { get; }

    /// <summary>Connects and probes the commands that are needed. Does nothing when open.</summary>
    /// <exception cref="TpmException">Not reachable, or TPM2_HMAC is missing.</exception>
    void Open();

    /// <summary>Drops the connection and every handle; <see cref="Open"/> begins anew.</summary>
    void Close();

    /// <summary>HMAC-SHA256 under a persistent key; one TPM2_HMAC, and one TPM2_ReadPublic before the first use of a key.</summary>
    /// <param name="key">The key; its name is compared before the first use.</param>
    /// <param name="message">At most 1024 bytes.</param>
    /// <param name="mac">Exactly 32 bytes.</param>
    /// <exception cref="TpmException">The command failed, or another key sits at the handle.</exception>
    void Hmac(TpmKeyReference key, ReadOnlySpan<byte> message, Span<byte> mac);

    /// <summary>HMAC-SHA256 under a wrapped key: TPM2_Load, one TPM2_HMAC, TPM2_FlushContext.</summary>
    /// <param name="key">The key; the name of its parent is compared before the first use.</param>
    /// <param name="message">At most 1024 bytes.</param>
    /// <param name="mac">Exactly 32 bytes.</param>
    /// <exception cref="TpmException">A command failed, or the key belongs to another TPM.</exception>
    void Hmac(TpmWrappedKey key, ReadOnlySpan<byte> message, Span<byte> mac);

    /// <summary>The value of a counter.</summary>
    /// <param name="index">Its NV index.</param>
    /// <exception cref="TpmException">The command failed, or there is no counter.</exception>
    ulong ReadCounter(uint index);

    /// <summary>Raises a counter by one.</summary>
    /// <param name="index">Its NV index.</param>
    /// <exception cref="TpmException">The command failed, or there is no counter.</exception>
    void IncrementCounter(uint index);
}
