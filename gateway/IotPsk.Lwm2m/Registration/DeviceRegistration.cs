namespace IotPsk.Lwm2m.Registration;

/// <summary>What a device told about itself when it registered (OMA LwM2M 1.1 s6.2.1). Never changed: an update makes a new one.</summary>
public sealed record DeviceRegistration
{
    /// <summary>The device, which is the endpoint client name.</summary>
    public required string DeviceId { get; init; }

    /// <summary>The last segment of its path, <c>/rd/LOCATION</c>.</summary>
    public required string Location { get; init; }

    /// <summary>1.0 or 1.1.</summary>
    public required string Version { get; init; }

    /// <summary>For how many seconds the registration holds without an update; 0 is for ever.</summary>
    public required uint Lifetime { get; init; }

    /// <summary>The device sleeps, and requests wait until it is heard (s6.5).</summary>
    public bool IsQueueMode { get; init; }

    /// <summary>What stands before the objects' paths, without a slash at its end; usually empty.</summary>
    public string Root { get; init; } = "";

    /// <summary>Objects and instances it has, as it listed them.</summary>
    public IReadOnlyList<ObjectLink> Objects { get; init; } = [];

    /// <summary>Content formats it takes beside those that it has to, <see cref="IotPsk.Shared.CoapContentFormat"/>; from 1.1 on.</summary>
    public IReadOnlyList<int> ContentFormats { get; init; } = [];

    /// <summary>When it registered, in milliseconds of the server's clock.</summary>
    public required long RegisteredAt { get; init; }

    /// <summary>When it registered or sent an update last.</summary>
    public required long UpdatedAt { get; init; }

    /// <summary>When the registration ends by itself; <see cref="long.MaxValue"/> for never.</summary>
    public long ExpiresAt => Lifetime == 0 ? long.MaxValue : UpdatedAt + (Lifetime * 1000L);
}
