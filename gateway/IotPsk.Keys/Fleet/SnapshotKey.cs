using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>The key that snapshots of associations are sealed under: HMAC(FK, "iotpsk snapshot" 00 server id 01). Zeroed by <see cref="Dispose"/>.</summary>
public sealed class SnapshotKey : IDisposable
{
    private readonly byte[] _key = GC.AllocateUninitializedArray<byte>(FleetDerivation.KeySize, pinned: true);

    private SnapshotKey()
    {
    }

    /// <summary>The key, 32 bytes.</summary>
    public ReadOnlyMemory<byte> Key => _key;

    /// <summary>Gets it: one TPM command. For a job of the TPM's owner.</summary>
    /// <param name="tpm">The TPM.</param>
    /// <param name="fleet">The fleet.</param>
    /// <param name="epoch">The epoch of the fleet key.</param>
    /// <returns>Null if the epoch is not accepted (any longer).</returns>
    /// <exception cref="TpmException">The TPM cannot be used.</exception>
    public static SnapshotKey? Derive(ITpm tpm, FleetRecord fleet, int epoch)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(fleet);
        if (fleet.Epoch(epoch) is not { IsAccepted: true } record)
            return null;
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        int length = FleetDerivation.WriteMessage(FleetDerivation.SnapshotLabel, fleet.ServerId, message);
        var key = new SnapshotKey();
        try
        {
            tpm.Hmac(record.Key, message[..length], key._key);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>Zeroes it.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
