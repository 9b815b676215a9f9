namespace IotPsk.Keys;

/// <summary>Where the registry of a fleet is, and how to open it.</summary>
public abstract class RegistrySource
{
    private protected RegistrySource(StateDirectory state)
    {
        ArgumentNullException.ThrowIfNull(state);
        State = state;
    }

    /// <summary>This gateway's own files.</summary>
    public StateDirectory State { get; }

    /// <summary>A registry in one file of the state directory, for one gateway.</summary>
    public static RegistrySource Sqlite(StateDirectory state) => new SqliteSource(state);

    /// <summary>A registry in a PostgreSQL database, for the gateways of a fleet together.</summary>
    /// <param name="state">This gateway's own files.</param>
    /// <param name="options">Where the database is.</param>
    public static RegistrySource Postgres(StateDirectory state, PostgresOptions options) => new PostgresSource(state, options);

    /// <summary>The registry that a state directory holds where nothing else is said: <see cref="Sqlite"/>.</summary>
    public static implicit operator RegistrySource(StateDirectory state) => Sqlite(state);

    /// <summary>Opens a registry that is there.</summary>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="RegistryException">Missing, damaged, of a newer program, or not to be opened by this user.</exception>
    public abstract IRegistry Open(TimeProvider? time = null);

    /// <summary>Opens the registry, making an empty one if there is none.</summary>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="RegistryException">Damaged, of a newer program, or not to be opened by this user.</exception>
    public abstract IRegistry OpenOrCreate(TimeProvider? time = null);

    /// <summary>Holds the fleet for one writer of fleet keys at a time, among all processes; released by Dispose.</summary>
    /// <exception cref="RegistryException">Another process holds it.</exception>
    internal abstract IDisposable LockFleet();

    /// <summary>Nothing if there is no fleet; else tells that it would be replaced.</summary>
    /// <exception cref="RegistryException">There is a fleet.</exception>
    internal abstract void RefuseFleet();

    /// <summary>Puts a registry in the place of the one that is there, if any, which is kept beside it. All or nothing.</summary>
    /// <param name="copy">The registry in one file, checked; used up.</param>
    /// <param name="after">Called after the old one was kept.</param>
    internal abstract void Install(StateDirectory copy, Action<RestoreStep>? after);

    private protected static void RefuseFleet(IRegistry existing)
    {
        if (existing.Fleet is { } fleet)
        {
            throw new RegistryException(
                RegistryFault.FleetExists, $"There is a fleet in {existing.Location} already: '{fleet.ServerId}' with {existing.DeviceCount} devices. Nothing was changed. Replace it with --replace");
        }
    }
}
