namespace IotPsk.Keys;

/// <summary>
/// What is enrolled. Lookups are answered from memory and may be called from any thread; changes of other processes are seen within
/// the polling interval once <see cref="Watch"/> was called.
/// </summary>
public interface IDeviceRegistry : IDisposable
{
    /// <summary>The fleet; null before one was made.</summary>
    FleetRecord? Fleet { get; }

    /// <summary>Devices enrolled, revoked ones included.</summary>
    int DeviceCount { get; }

    /// <summary>A device was enrolled or changed. Raised on the thread that changed it, or that noticed.</summary>
    event Action<DeviceRecord>? DeviceChanged;

    /// <summary>The fleet or one of its epochs changed.</summary>
    event Action<FleetRecord>? FleetChanged;

    /// <summary>Looks a device up: from memory, without a lock.</summary>
    bool TryGetDevice(string id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DeviceRecord? device);

    /// <summary>Every device, in no particular order.</summary>
    IEnumerable<DeviceRecord> Devices { get; }

    /// <summary>Starts to look for changes made by other processes.</summary>
    void Watch();

    /// <summary>Looks for changes made by other processes now.</summary>
    /// <exception cref="RegistryException">The registry cannot be read.</exception>
    void Refresh();

    /// <summary>Enrols a device; nothing changes when it is enrolled already.</summary>
    /// <returns>The device as it is now, and whether it is new.</returns>
    /// <exception cref="RegistryException">Not a device id, or the registry cannot be written.</exception>
    (DeviceRecord Device, bool IsNew) Enrol(string id, DeviceMode mode = DeviceMode.Derived);

    /// <summary>Enrols many devices, all or none.</summary>
    /// <returns>How many are new.</returns>
    /// <exception cref="RegistryException">One is not a device id, or the registry cannot be written.</exception>
    int EnrolMany(IEnumerable<string> ids, DeviceMode mode = DeviceMode.Derived, Action<int>? progress = null);

    /// <summary>Enrols devices with keys of their own, all or none.</summary>
    /// <exception cref="RegistryException">One is enrolled already or is no device id, or the registry cannot be written.</exception>
    void EnrolWithKeys(IEnumerable<DeviceKeyRecord> keys);

    /// <summary>The key of a resident or session device; null when there is none.</summary>
    /// <exception cref="RegistryException">The registry cannot be read.</exception>
    DeviceKeyRecord? FindKey(string id);

    /// <summary>Notes the epoch of a key that a device proved. For any thread, at each handshake: never blocks, written within a second.</summary>
    void NoteEpoch(string id, int epoch);

    /// <summary>
    /// Notes that a device is given the key of a newer epoch, if everything still allows it: one transaction, so that of several gateways one
    /// hands it out. Blocks until it is on disk.
    /// </summary>
    /// <param name="request">What the device proved, and what it is to get.</param>
    /// <returns>Granted once it is noted; else why not, and nothing changed.</returns>
    /// <exception cref="RegistryException">The registry cannot be written.</exception>
    RekeyVerdict NoteRekey(RekeyRequest request);

    /// <summary>Revokes a device and raises its generation; nothing changes when it is revoked already.</summary>
    /// <returns>The device as it is now, and whether it changed.</returns>
    /// <exception cref="RegistryException">It is not enrolled, or the registry cannot be written.</exception>
    (DeviceRecord Device, bool Changed) Revoke(string id);

    /// <summary>Takes a revocation back and raises the generation; nothing changes when the device is not revoked.</summary>
    /// <returns>The device as it is now, and whether it changed.</returns>
    /// <exception cref="RegistryException">It is not enrolled, or the registry cannot be written.</exception>
    (DeviceRecord Device, bool Changed) Reinstate(string id);
}
