using System.Collections.Concurrent;
using System.Data.Common;

namespace IotPsk.Keys;

/// <summary>Devices with keys of their own.</summary>
internal abstract partial class SqlRegistry
{
    private const string SelectKeys = "SELECT id, mode, pem, parent_name, randoms, node FROM device_keys JOIN devices USING (id)";
    private readonly ConcurrentDictionary<string, DeviceKeyRecord> _keys = new(StringComparer.Ordinal);

    /// <summary>Whether the keys are in memory as the devices are.</summary>
    private protected virtual bool KeepsKeys => false;

    /// <inheritdoc/>
    public void EnrolWithKeys(IEnumerable<DeviceKeyRecord> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Write(session =>
        {
            var change = NextChange(session);
            foreach (var key in keys)
            {
                CheckId(key.Id);
                // A key that is not stored would be lost, and the device with it: never silently.
                if (InsertDevices(session, [key.Id], key.Mode, change, null) == 0)
                    throw new RegistryException(RegistryFault.DeviceExists, $"Device '{key.Id}' is enrolled already, and its key stays as it is: pick another id");
                session.Execute(
                    "INSERT INTO device_keys (id, pem, parent_name, randoms, node) VALUES (@id, @pem, @parent, @randoms, @node)",
                    ("@id", key.Id), ("@pem", key.Pem), ("@parent", key.ParentName), ("@randoms", key.Randoms), ("@node", _node));
            }

            return 0;
        });
    }

    /// <inheritdoc/>
    public DeviceKeyRecord? FindKey(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (KeepsKeys && _devicesLoaded)
            return _keys.GetValueOrDefault(id);
        return ReadNow(session => session.First($"{SelectKeys} WHERE id = @id", ReadKey, ("@id", id)));
    }

    private List<DeviceKeyRecord> ReadKeys(SqlSession session, long since) => session.List($"{SelectKeys} WHERE change > @since", ReadKey, ("@since", since));

    private DeviceKeyRecord ReadKey(DbDataReader row) =>
        new(row.GetString(0), (DeviceMode)row.GetInt32(1), row.GetString(2), (byte[])row.GetValue(3), row.GetInt32(4)) { IsHere = row.GetString(5) == _node };
}
