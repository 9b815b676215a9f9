namespace IotPsk.Keys;

/// <summary>Devices with keys of their own.</summary>
internal sealed partial class SqliteRegistry
{
    /// <inheritdoc/>
    public void EnrolWithKeys(IEnumerable<DeviceKeyRecord> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Write(transaction =>
        {
            var change = NextChange(transaction);
            using var insert = Sql.Command(
                _writer, "INSERT INTO device_keys (id, pem, parent_name, randoms) VALUES ($id, $pem, $parent, $randoms)", transaction,
                ("$id", ""), ("$pem", ""), ("$parent", Array.Empty<byte>()), ("$randoms", 0));
            foreach (var key in keys)
            {
                CheckId(key.Id);
                // A key that is not stored would be lost, and the device with it: never silently.
                if (!Insert(transaction, key.Id, key.Mode, change))
                    throw new RegistryException(RegistryFault.DeviceExists, $"Device '{key.Id}' is enrolled already, and its key stays as it is: pick another id");
                insert.Parameters["$id"].Value = key.Id;
                insert.Parameters["$pem"].Value = key.Pem;
                insert.Parameters["$parent"].Value = key.ParentName;
                insert.Parameters["$randoms"].Value = key.Randoms;
                insert.ExecuteNonQuery();
            }

            return 0;
        });
    }

    /// <inheritdoc/>
    public DeviceKeyRecord? FindKey(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        lock (_readGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard(() =>
            {
                using var command = Sql.Command(
                    _reader, "SELECT pem, parent_name, randoms, mode FROM device_keys JOIN devices USING (id) WHERE id = $id", null, ("$id", id));
                using var reader = command.ExecuteReader();
                return reader.Read()
                    ? new DeviceKeyRecord(id, (DeviceMode)reader.GetInt32(3), reader.GetString(0), (byte[])reader.GetValue(1), reader.GetInt32(2))
                    : null;
            });
        }
    }
}
