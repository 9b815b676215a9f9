using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Reading what changed. Everything here runs under the read lock.</summary>
internal sealed partial class SqliteRegistry
{
    private const string DeviceColumns = "id, mode, enrolled_at, revoked_at, generation, last_epoch, rekeyed_at";

    /// <summary>Takes over what other connections committed since the last look: devices that changed, and the fleet if it changed.</summary>
    private (List<DeviceRecord> Devices, FleetRecord? Fleet) ReadChanges()
    {
        var devices = new List<DeviceRecord>();
        var dataVersion = Sql.Scalar(_reader, "PRAGMA data_version");
        if (dataVersion == _seenDataVersion)
            return (devices, null);
        using var transaction = _reader.BeginTransaction(deferred: true);
        var last = Sql.Scalar(_reader, "SELECT last FROM changes", transaction);
        var fleet = ReadFleet(transaction);
        if (_keepDevices)
            ReadDevices(transaction, last, devices);
        transaction.Commit();
        _seenDataVersion = dataVersion;
        var changed = fleet != null && !SameFleet(fleet, _fleet);
        if (changed || fleet == null)
            _fleet = fleet;
        return (devices, changed ? fleet : null);
    }

    private void ReadDevices(SqliteTransaction transaction, long last, List<DeviceRecord> changed)
    {
        var since = _seenChange;
        // A smaller number than before: the file was put back from a backup, so everything is read anew.
        var anew = last < since;
        var seen = anew ? new HashSet<string>(StringComparer.Ordinal) : null;
        using (var command = Sql.Command(
            _reader, $"SELECT {DeviceColumns} FROM devices WHERE change > $since", transaction, ("$since", anew ? -1 : since)))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                var device = ReadDevice(reader);
                seen?.Add(device.Id);
                if (_devices.TryGetValue(device.Id, out var known) && known == device)
                    continue;
                _devices[device.Id] = device;
                changed.Add(device);
            }
        }

        _seenChange = last;
        if (seen == null)
            return;
        foreach (var device in _devices.Values)
        {
            // What the backup does not know ends as a revoked one would.
            if (!seen.Contains(device.Id) && _devices.TryRemove(device.Id, out _))
                changed.Add(device with { RevokedAt = _time.GetUtcNow() });
        }
    }

    private FleetRecord? ReadFleet(SqliteTransaction? transaction)
    {
        string serverId;
        TpmKeyReference root;
        DateTimeOffset createdAt;
        FleetAuthority? authority;
        using (var command = Sql.Command(_reader, "SELECT server_id, root_handle, root_name, created_at, authority FROM fleet", transaction))
        using (var reader = command.ExecuteReader())
        {
            if (!reader.Read())
                return null;
            serverId = reader.GetString(0);
            root = new TpmKeyReference((uint)reader.GetInt64(1), (byte[])reader.GetValue(2));
            createdAt = Sql.Time(reader.GetInt64(3));
            authority = reader.IsDBNull(4) ? null : FleetAuthority.FromDer((byte[])reader.GetValue(4), _state.RegistryPath);
        }

        var epochs = new List<EpochRecord>();
        using (var command = Sql.Command(_reader, "SELECT number, state, handle, name, check_value, created_at, compromised_at, retired_at, evicted_at, pcr FROM epochs", transaction))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                epochs.Add(new EpochRecord(
                    reader.GetInt32(0),
                    (EpochState)reader.GetInt32(1),
                    new TpmKeyReference((uint)reader.GetInt64(2), (byte[])reader.GetValue(3)) { Pcr = reader.IsDBNull(9) ? null : PcrSelection.Parse(reader.GetString(9)) },
                    reader.IsDBNull(4) ? [] : (byte[])reader.GetValue(4),
                    Sql.Time(reader.GetInt64(5)))
                {
                    CompromisedAt = Time(reader, 6),
                    RetiredAt = Time(reader, 7),
                    EvictedAt = Time(reader, 8),
                });
            }
        }

        return new FleetRecord(serverId, root, createdAt, epochs) { Authority = authority };
    }

    private static DeviceRecord ReadDevice(SqliteDataReader reader) => new(
        reader.GetString(0),
        (DeviceMode)reader.GetInt32(1),
        Sql.Time(reader.GetInt64(2)),
        Time(reader, 3),
        reader.GetInt64(4))
    {
        LastEpoch = reader.GetInt32(5),
        RekeyedAt = Time(reader, 6),
    };

    private static DateTimeOffset? Time(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : Sql.Time(reader.GetInt64(column));

    private static bool SameFleet(FleetRecord left, FleetRecord? right)
    {
        if (right == null || left.ServerId != right.ServerId || !left.StorageRoot.Equals(right.StorageRoot) || left.Epochs.Count != right.Epochs.Count)
            return false;
        for (var i = 0; i < left.Epochs.Count; i++)
        {
            var (a, b) = (left.Epochs[i], right.Epochs[i]);
            // All but the check value is compared as a whole: records compare arrays by reference.
            if (a with { CheckValue = [] } != b with { CheckValue = [] } || !a.CheckValue.AsSpan().SequenceEqual(b.CheckValue))
                return false;
        }

        return true;
    }
}
