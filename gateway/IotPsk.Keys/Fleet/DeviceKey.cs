using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// One key of one device, to be put into a credential: pinned so that the collector leaves no copies behind, zeroed by Dispose.
/// </summary>
public sealed class DeviceKey : IDisposable
{
    private readonly byte[] _key;

    private DeviceKey(KeyId id, string serverId, int size)
    {
        Id = id;
        ServerId = serverId;
        Identity = CanonicalIdentity.Encode(id, serverId);
        _key = GC.AllocateUninitializedArray<byte>(size, pinned: true);
    }

    /// <summary>Which key it is.</summary>
    public KeyId Id { get; }

    /// <summary>The fleet's logical name.</summary>
    public string ServerId { get; }

    /// <summary>What the device sends as PSK identity.</summary>
    public byte[] Identity { get; }

    /// <summary>external_identity as text; for uses that are not imported it is the identity.</summary>
    public string ExternalIdentity => CanonicalIdentity.External(Id);

    /// <summary>The key: 32 bytes, 48 for HKDF_SHA384. Valid until Dispose.</summary>
    public ReadOnlySpan<byte> Key => _key;

    /// <summary>Derives a key of an enrolled device: one TPM2_HMAC.</summary>
    /// <param name="tpm">The TPM, open.</param>
    /// <param name="fleet">The fleet.</param>
    /// <param name="device">The device.</param>
    /// <param name="use">What the key is for.</param>
    /// <param name="epoch">Epoch; 0 for the active one.</param>
    /// <exception cref="RegistryException">The device is revoked, or there is no such epoch.</exception>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public static DeviceKey Derive(ITpm tpm, FleetRecord fleet, DeviceRecord device, KeyUse use, int epoch = 0)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(fleet);
        ArgumentNullException.ThrowIfNull(device);
        if (device.RevokedAt is { } revokedAt)
        {
            throw new RegistryException(
                RegistryFault.DeviceRevoked, $"Device '{device.Id}' was revoked at {revokedAt:yyyy-MM-dd HH:mm}Z: no credentials are made for it");
        }

        if (device.Mode != DeviceMode.Derived)
        {
            throw new RegistryException(
                RegistryFault.InvalidValue, $"Device '{device.Id}' has a key of its own, which was handed out at its enrolment and cannot be read again");
        }

        var record = epoch == 0 ? fleet.ActiveEpoch : fleet.Epoch(epoch);
        if (record is not { IsAccepted: true })
        {
            throw new RegistryException(
                RegistryFault.NoFleet, epoch == 0 ? $"Fleet '{fleet.ServerId}' has no active key" : $"Fleet '{fleet.ServerId}' accepts no epoch {epoch}");
        }

        var id = new KeyId(device.Id, record.Number, use);
        var key = new DeviceKey(id, fleet.ServerId, use.KeySize());
        try
        {
            KeyDerivation.Derive(tpm, record.Key, id, fleet.ServerId, key._key);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
