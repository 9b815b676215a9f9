using System.Data.Common;

namespace IotPsk.Keys;

/// <summary>How far a registry has come: each committed change of a device or the fleet raises the first number.</summary>
/// <param name="Last">The last change of a device or the fleet.</param>
/// <param name="Tickets">Raised with each change of the ticket keys.</param>
/// <param name="Restored">Raised when everything was replaced by a backup.</param>
internal sealed record ChangeMark(long Last, long Tickets, long Restored);

/// <summary>Reading what changed. Everything here runs under the read lock.</summary>
internal abstract partial class SqlRegistry
{
    private const string DeviceColumns = "id, mode, enrolled_at, revoked_at, generation, last_epoch, rekeyed_at";

    private static readonly Changes NoChanges = new([], null, false);

    /// <summary>Some committed state, as far as it was asked for.</summary>
    private sealed record Committed(ChangeMark Mark, FleetRecord? Fleet, List<DeviceRecord>? Devices, List<DeviceKeyRecord>? Keys, bool Anew);

    private sealed record Changes(List<DeviceRecord> Devices, FleetRecord? Fleet, bool TicketKeys);

    private protected static ChangeMark ReadMark(SqlSession session) => session.First(
        "SELECT last, tickets, restored FROM changes", static row => new ChangeMark(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)))
        ?? throw new InvalidCastException("the table changes is empty");

    /// <summary>Takes over what was committed since the last look: devices that changed, and the fleet if it changed. What is read whole or not at all.</summary>
    private Changes ReadChanges()
    {
        var keep = _keepDevices;
        return ReadIfChanged(_seen, session =>
        {
            var mark = ReadMark(session);
            // A smaller number than before: the registry was put back from a backup, so everything is read anew.
            var anew = _seen is { } seen ? mark.Last < seen.Last || mark.Restored != seen.Restored : !_devices.IsEmpty;
            var since = anew ? -1 : _seen?.Last ?? -1;
            return new Committed(mark, ReadFleet(session), keep ? ReadDevices(session, since) : null, keep && KeepsKeys ? ReadKeys(session, since) : null, anew);
        }) is { } state ? Take(state) : NoChanges;
    }

    private Changes Take(Committed state)
    {
        try
        {
            RequireSameFleet(state.Fleet);
        }
        catch
        {
            // Told again at each look, until it is mended.
            _seen = null;
            throw;
        }

        foreach (var key in state.Keys ?? [])
            _keys[key.Id] = key;
        var changed = new List<DeviceRecord>();
        foreach (var device in state.Devices ?? [])
        {
            if (_devices.TryGetValue(device.Id, out var known) && known == device)
                continue;
            _devices[device.Id] = device;
            changed.Add(device);
        }

        if (state is { Anew: true, Devices: { } all })
            Forget(all, changed);
        var tickets = _seen is { } seen && seen.Tickets != state.Mark.Tickets;
        _seen = state.Mark;
        var fleetChanged = state.Fleet != null && !SameFleet(state.Fleet, _fleet);
        if (fleetChanged || state.Fleet == null)
            _fleet = state.Fleet;
        return new Changes(changed, fleetChanged ? state.Fleet : null, tickets);
    }

    private void Forget(List<DeviceRecord> all, List<DeviceRecord> changed)
    {
        var there = all.Select(static device => device.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var device in _devices.Values)
        {
            // What the backup does not know ends as a revoked one would.
            if (!there.Contains(device.Id) && _devices.TryRemove(device.Id, out _))
                changed.Add(device with { RevokedAt = _time.GetUtcNow() });
            if (!there.Contains(device.Id))
                _keys.TryRemove(device.Id, out _);
        }
    }

    /// <summary>Whoever serves a fleet goes on with what it knows when something else stands in the registry's place.</summary>
    private void RequireSameFleet(FleetRecord? fleet)
    {
        if (_fleet is { IsHere: true } known && fleet?.ServerId != known.ServerId)
        {
            throw new RegistryException(
                RegistryFault.RolledBack, $"Registry {Name} holds {(fleet == null ? "no fleet" : $"fleet '{fleet.ServerId}'")} now, and no longer fleet '{known.ServerId}': put the right one back, or restart iotpsk");
        }

        if (_fleet is { IsHere: true } && fleet is { IsHere: false })
            throw new RegistryException(RegistryFault.RolledBack, $"Registry {Name} does not know this gateway any longer: it was put back to a former state; restart iotpsk to learn more");
    }

    private static List<DeviceRecord> ReadDevices(SqlSession session, long since) => session.List(
        $"SELECT {DeviceColumns} FROM devices WHERE change > @since", ReadDevice, ("@since", since));

    private FleetRecord? ReadFleet(SqlSession session)
    {
        var fleet = session.First(
            "SELECT server_id, created_at, authority, root_handle, root_name FROM fleet LEFT JOIN nodes ON nodes.id = @node",
            row => (
                ServerId: row.GetString(0),
                CreatedAt: SqlSession.Time(row.GetInt64(1)),
                Authority: SqlSession.Bytes(row, 2) is { } der ? FleetAuthority.FromDer(der, Name) : null,
                Root: row.IsDBNull(3) ? FleetRecord.NotHere : new TpmKeyReference((uint)row.GetInt64(3), (byte[])row.GetValue(4))),
            ("@node", _node));
        if (fleet.ServerId == null)
            return null;
        var epochs = session.List(
            "SELECT number, state, name, check_value, created_at, compromised_at, retired_at, handle, wrapped_private, evicted_at, pcr " +
            "FROM epochs LEFT JOIN node_keys ON node_keys.epoch = number AND node_keys.node = @node",
            ReadEpoch, ("@node", _node));
        return new FleetRecord(fleet.ServerId, fleet.Root, fleet.CreatedAt, epochs) { Authority = fleet.Authority };
    }

    private static EpochRecord ReadEpoch(DbDataReader row) => new(
        row.GetInt32(0),
        (EpochState)row.GetInt32(1),
        new TpmKeyReference(row.IsDBNull(7) ? 0 : (uint)row.GetInt64(7), (byte[])row.GetValue(2)) { Pcr = row.IsDBNull(10) ? null : PcrSelection.Parse(row.GetString(10)) },
        SqlSession.Bytes(row, 3) ?? [],
        SqlSession.Time(row.GetInt64(4)))
    {
        CompromisedAt = SqlSession.Time(row, 5),
        RetiredAt = SqlSession.Time(row, 6),
        // With its blob it is on the way into the TPM.
        IsHere = !row.IsDBNull(7) && row.IsDBNull(8),
        EvictedAt = SqlSession.Time(row, 9),
    };

    private static DeviceRecord ReadDevice(DbDataReader row) => new(
        row.GetString(0),
        (DeviceMode)row.GetInt32(1),
        SqlSession.Time(row.GetInt64(2)),
        SqlSession.Time(row, 3),
        row.GetInt64(4))
    {
        LastEpoch = row.GetInt32(5),
        RekeyedAt = SqlSession.Time(row, 6),
    };

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
