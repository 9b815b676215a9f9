using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway;

/// <summary>The credential bundle of a device: one TPM command for each of its two keys.</summary>
internal static class DeviceBundle
{
    internal const int RecordSizeLimit = 1024;

    /// <summary>
    /// Puts names, identities and keys into a bundle that has its addresses; the keys do not move in memory, and the caller clears the bundle,
    /// also after an exception.
    /// </summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="tpm">The fleet's TPM, open.</param>
    /// <param name="fleet">The fleet.</param>
    /// <param name="device">The device.</param>
    /// <param name="epoch">Epoch of the keys; 0 for the active one.</param>
    /// <exception cref="KeysException">The device is revoked or has a key of its own, the epoch is not accepted, or the TPM failed.</exception>
    internal static void Fill(CredentialBundle bundle, ITpm tpm, FleetRecord fleet, DeviceRecord device, int epoch = 0)
    {
        using DeviceKey imported = DeviceKey.Derive(tpm, fleet, device, KeyUse.ImportedTls13Sha256, epoch);
        using DeviceKey legacy = DeviceKey.Derive(tpm, fleet, device, KeyUse.Psk12, epoch);
        bundle.DeviceId = device.Id;
        bundle.ServerId = fleet.ServerId;
        bundle.Tls13Identity = imported.Identity;
        bundle.Tls13Key = Copy(imported.Key);
        bundle.Tls12Identity = legacy.Identity;
        bundle.Tls12Key = Copy(legacy.Key);
        bundle.Epoch = imported.Id.Epoch;
    }

    private static byte[] Copy(ReadOnlySpan<byte> key)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(key.Length, pinned: true);
        key.CopyTo(copy);
        return copy;
    }
}
