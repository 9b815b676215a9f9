using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>Enrolling and revoking.</summary>
internal abstract partial class SqlRegistry
{
    private protected const int ProgressStep = 1000;

    /// <inheritdoc/>
    public (DeviceRecord Device, bool IsNew) Enrol(string id, DeviceMode mode = DeviceMode.Derived)
    {
        CheckId(id);
        var isNew = Write(session => InsertDevices(session, [id], mode, NextChange(session), null)) > 0;
        return (Find(id) ?? throw Unknown(id), isNew);
    }

    /// <inheritdoc/>
    public int EnrolMany(IEnumerable<string> ids, DeviceMode mode = DeviceMode.Derived, Action<int>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Write(session => InsertDevices(session, ids.Select(static id => CheckId(id)), mode, NextChange(session), progress));
    }

    /// <inheritdoc/>
    public (DeviceRecord Device, bool Changed) Revoke(string id) => Change(
        id, "UPDATE devices SET revoked_at = @now, generation = generation + 1, change = @change WHERE id = @id AND revoked_at IS NULL", shutsOut: true);

    /// <inheritdoc/>
    public (DeviceRecord Device, bool Changed) Reinstate(string id) => Change(
        id, "UPDATE devices SET revoked_at = NULL, generation = generation + 1, change = @change WHERE id = @id AND revoked_at IS NOT NULL", shutsOut: false);

    /// <inheritdoc/>
    public DeviceRecord? Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return ReadNow(session => session.First($"SELECT {DeviceColumns} FROM devices WHERE id = @id", ReadDevice, ("@id", id)));
    }

    /// <summary>Inserts those that are not there.</summary>
    /// <returns>How many are new.</returns>
    private protected virtual int InsertDevices(SqlSession session, IEnumerable<string> ids, DeviceMode mode, long change, Action<int>? progress)
    {
        using var insert = session.Command(
            "INSERT INTO devices (id, mode, enrolled_at, revoked_at, generation, change) VALUES (@id, @mode, @now, NULL, 1, @change) ON CONFLICT (id) DO NOTHING",
            ("@id", ""), ("@mode", (int)mode), ("@now", Now), ("@change", change));
        insert.Prepare();
        int done = 0, added = 0;
        foreach (var id in ids)
        {
            insert.Parameters["@id"].Value = id;
            added += insert.ExecuteNonQuery();
            if (++done % ProgressStep == 0)
                progress?.Invoke(done);
        }

        return added;
    }

    private static string CheckId(string id) => DeviceId.IsValid(id) ? id : throw new RegistryException(RegistryFault.InvalidValue, $"'{id}' is not a device id: {DeviceId.Rule}");

    private RegistryException Unknown(string id) => new(RegistryFault.UnknownDevice, $"Device '{id}' is not enrolled in {Location}: see 'iotpsk device list'");

    private (DeviceRecord Device, bool Changed) Change(string id, string update, bool shutsOut)
    {
        CheckId(id);
        var changed = Write(session =>
        {
            var rows = session.Execute(update, ("@now", Now), ("@change", NextChange(session)), ("@id", id));
            if (rows > 0 && shutsOut)
                MarkShutOut(session);
            return rows;
        }) > 0;
        return (Find(id) ?? throw Unknown(id), changed);
    }

    private protected long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static long NextChange(SqlSession session) => session.Scalar("UPDATE changes SET last = last + 1 RETURNING last");
}
