using IotPsk.Shared;
using Microsoft.Data.Sqlite;

namespace IotPsk.Keys;

/// <summary>Enrolling and revoking.</summary>
internal sealed partial class SqliteRegistry
{
    private const int ProgressStep = 1000;

    /// <inheritdoc/>
    public (DeviceRecord Device, bool IsNew) Enrol(string id, DeviceMode mode = DeviceMode.Derived)
    {
        CheckId(id);
        var isNew = Write(transaction => Insert(transaction, id, mode, NextChange(transaction)));
        return (Find(id) ?? throw Unknown(id), isNew);
    }

    /// <inheritdoc/>
    public int EnrolMany(IEnumerable<string> ids, DeviceMode mode = DeviceMode.Derived, Action<int>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Write(transaction =>
        {
            var change = NextChange(transaction);
            using var insert = InsertCommand(transaction, mode, change);
            insert.Prepare();
            int done = 0, added = 0;
            foreach (var id in ids)
            {
                CheckId(id);
                insert.Parameters["$id"].Value = id;
                added += insert.ExecuteNonQuery();
                if (++done % ProgressStep == 0)
                    progress?.Invoke(done);
            }

            return added;
        });
    }

    /// <inheritdoc/>
    public (DeviceRecord Device, bool Changed) Revoke(string id) => Change(
        id, "UPDATE devices SET revoked_at = $now, generation = generation + 1, change = $change WHERE id = $id AND revoked_at IS NULL", shutsOut: true);

    /// <inheritdoc/>
    public (DeviceRecord Device, bool Changed) Reinstate(string id) => Change(
        id, "UPDATE devices SET revoked_at = NULL, generation = generation + 1, change = $change WHERE id = $id AND revoked_at IS NOT NULL");

    /// <inheritdoc/>
    public DeviceRecord? Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        lock (_readGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard(() =>
            {
                using var command = Sql.Command(_reader, $"SELECT {DeviceColumns} FROM devices WHERE id = $id", null, ("$id", id));
                using var reader = command.ExecuteReader();
                return reader.Read() ? ReadDevice(reader) : null;
            });
        }
    }

    private static void CheckId(string id)
    {
        if (!DeviceId.IsValid(id))
        {
            throw new RegistryException(
                RegistryFault.InvalidValue, $"'{id}' is not a device id: {DeviceId.Rule}");
        }
    }

    private RegistryException Unknown(string id) =>
        new(RegistryFault.UnknownDevice, $"Device '{id}' is not enrolled in {_state.Path}: see 'iotpsk device list'");

    private (DeviceRecord Device, bool Changed) Change(string id, string update, bool shutsOut = false)
    {
        CheckId(id);
        var changed = Write(transaction =>
        {
            var rows = Sql.Execute(_writer, update, transaction, ("$now", Now), ("$change", NextChange(transaction)), ("$id", id));
            if (rows > 0 && shutsOut)
                MarkShutOut(transaction);
            return rows;
        }) > 0;
        return (Find(id) ?? throw Unknown(id), changed);
    }

    private bool Insert(SqliteTransaction transaction, string id, DeviceMode mode, long change)
    {
        using var insert = InsertCommand(transaction, mode, change);
        insert.Parameters["$id"].Value = id;
        return insert.ExecuteNonQuery() > 0;
    }

    private SqliteCommand InsertCommand(SqliteTransaction transaction, DeviceMode mode, long change) => Sql.Command(
        _writer,
        "INSERT INTO devices (id, mode, enrolled_at, revoked_at, generation, change) VALUES ($id, $mode, $now, NULL, 1, $change) ON CONFLICT (id) DO NOTHING",
        transaction,
        ("$id", ""),
        ("$mode", (int)mode),
        ("$now", Now),
        ("$change", change));

    private long NextChange(SqliteTransaction transaction) =>
        Sql.Scalar(_writer, "UPDATE changes SET last = last + 1 RETURNING last", transaction);

    /// <summary>One transaction on the writing connection; what it changed is then read like anybody else's change.</summary>
    private T Write<T>(Func<SqliteTransaction, T> work)
    {
        T result;
        lock (_writeGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            result = Guard(() =>
            {
                using var transaction = _writer.BeginTransaction(deferred: false);
                var outcome = work(transaction);
                transaction.Commit();
                return outcome;
            });
        }

        Refresh();
        return result;
    }
}
