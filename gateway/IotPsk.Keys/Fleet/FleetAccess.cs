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
        if (!fleet.IsHere)
        {
            throw new RegistryException(
                RegistryFault.NoFleet,
                $"This gateway has no part in fleet '{fleet.ServerId}' of {registry.Location}: take the fleet's keys over with 'iotpsk fleet import', or name the right registry. " +
                "If it had part and lost its state directory: iotpsk backup FILE and iotpsk restore FILE --replace");
        }

        if (fleet.ActiveEpoch == null && fleet.MissingEpochs.Any())
        {
            throw new RegistryException(
                RegistryFault.NoFleet, $"Taking over the keys of fleet '{fleet.ServerId}' was interrupted: finish it with 'iotpsk fleet import', of the same file");
        }

        if (fleet.ActiveEpoch == null)
        {
            throw new RegistryException(
                RegistryFault.NoFleet,
                $"The making of fleet '{fleet.ServerId}' in {registry.Location} was interrupted: finish it with 'iotpsk fleet init --server-id {fleet.ServerId}'");
        }

        return fleet;
    }
}
