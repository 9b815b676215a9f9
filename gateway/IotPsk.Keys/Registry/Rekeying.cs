namespace IotPsk.Keys;

/// <summary>Whether a device gets the key of the newest epoch over the network.</summary>
public enum RekeyVerdict
{
    /// <summary>It does.</summary>
    Granted,

    /// <summary>It has the key of the newest epoch already.</summary>
    Current,

    /// <summary>It got one less than <see cref="RekeyRules.Pause"/> ago.</summary>
    TooSoon,

    /// <summary>Somebody else knows the key it proved: a rotation said so, and it proves nothing any longer.</summary>
    Compromised,

    /// <summary>The device or its epoch is not accepted (any longer), or its key is not derived from the fleet key.</summary>
    NotAccepted,
}

/// <summary>A device that asks for the key of the newest epoch.</summary>
/// <param name="DeviceId">Device id.</param>
/// <param name="Generation">Its registry generation when it proved its key.</param>
/// <param name="From">Epoch of the key it proved.</param>
/// <param name="To">Epoch of the key it is to get.</param>
public sealed record RekeyRequest(string DeviceId, long Generation, int From, int To);

/// <summary>Who gets the key of the newest epoch over the network.</summary>
public static class RekeyRules
{
    /// <summary>A device gets a new key at most once in this time.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromHours(1);

    /// <summary>Decides by what is known in memory; <see cref="IDeviceRegistry.NoteRekey"/> decides again by what is in the registry.</summary>
    /// <param name="registry">The registry.</param>
    /// <param name="request">What the device proved, and what it is to get.</param>
    /// <param name="now">The time.</param>
    public static RekeyVerdict Judge(IDeviceRegistry registry, RekeyRequest request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(request);
        if (!registry.TryGetDevice(request.DeviceId, out var device) || device.IsRevoked || device.Generation != request.Generation
            || device.Mode != DeviceMode.Derived || registry.Fleet?.Epoch(request.From) is not { IsAccepted: true } from)
        {
            return RekeyVerdict.NotAccepted;
        }

        if (from.State == EpochState.Active)
            return RekeyVerdict.Current;
        if (from.CompromisedAt != null)
            return RekeyVerdict.Compromised;
        if (registry.Fleet.ActiveEpoch?.Number != request.To)
            return RekeyVerdict.NotAccepted;
        // A clock that was set back must not lock a device out for longer than that.
        return device.RekeyedAt is { } last && (now - last).Duration() < Pause ? RekeyVerdict.TooSoon : RekeyVerdict.Granted;
    }
}
