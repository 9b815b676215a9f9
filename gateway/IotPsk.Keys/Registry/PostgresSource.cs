namespace IotPsk.Keys;

/// <summary>A database of several gateways.</summary>
internal sealed class PostgresSource : RegistrySource
{
    private readonly PostgresOptions _options;

    internal PostgresSource(StateDirectory state, PostgresOptions options)
        : base(state)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
    }

    public override IRegistry Open(TimeProvider? time = null) => PostgresRegistry.Open(State, _options, time, create: false);

    public override IRegistry OpenOrCreate(TimeProvider? time = null) => PostgresRegistry.Open(State, _options, time, create: true);

    internal override IDisposable LockFleet() => new PostgresFleetLock(State, _options);

    internal override void RefuseFleet()
    {
        using var existing = OpenOrCreate();
        RefuseFleet(existing);
    }

    internal override void Install(StateDirectory copy, Action<RestoreStep>? after)
    {
        using var registry = PostgresRegistry.Open(State, _options, null, create: true);
        if (registry.Fleet != null)
        {
            File.Delete(RegistryBackup.BeforeRestore(State));
            RegistryBackup.WriteCopy(registry, RegistryBackup.BeforeRestore(State));
        }

        after?.Invoke(RestoreStep.OldKept);
        registry.ReplaceBy(copy.RegistryPath);
        File.Delete(copy.RegistryPath);
    }
}
