using IotPsk.Keys;

namespace IotPsk.Gateway.Serving;

/// <summary>What a connection may be: the device and key that its hello named. Proved only once the binder verified.</summary>
/// <param name="Key">Device, epoch and use of the key.</param>
/// <param name="Generation">The device's registry generation when the key was asked for.</param>
/// <param name="IsImported">The key was imported (RFC 9258).</param>
/// <param name="TpmCommands">TPM commands this hello caused: 0 from the cache or by a ticket, else 1.</param>
/// <param name="IsResumed">By a ticket, which the key above once began.</param>
internal sealed record DeviceGrant(KeyId Key, long Generation, bool IsImported, int TpmCommands, bool IsResumed = false)
{
    /// <summary>Where the peer was when it asked for the key.</summary>
    internal SourcePrefix Source { get; init; }
}
