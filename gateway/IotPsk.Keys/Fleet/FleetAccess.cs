namespace IotPsk.Keys;

/// <summary>Short forms over fleets.</summary>
public static class FleetAccess
{
    /// <summary>The fleet, which must be usable.</summary>
    /// <exception cref="RegistryException">There is none, or its making was interrupted.</exception>
    public static FleetRecord RequireFleet(this IRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        if (registry.Fleet is not { } fleet)
            throw new RegistryException(RegistryFault.NoFleet, $"There is no fleet in {registry.Location}: make one with 'iotpsk fleet init'");
        if (fleet.ActiveEpoch == null)
        {
            throw new RegistryException(
                RegistryFault.NoFleet,
                $"The making of fleet '{fleet.ServerId}' in {registry.Location} was interrupted: finish it with 'iotpsk fleet init --server-id {fleet.ServerId}'");
        }

        return fleet;
    }
}
