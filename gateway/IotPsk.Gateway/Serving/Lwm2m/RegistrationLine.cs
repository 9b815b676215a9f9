using System.Text.Json;
using System.Text.Json.Serialization;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>One line of the journal: a registration as it is now, or that there is none any more.</summary>
internal sealed record RegistrationLine
{
    private const long LatestTime = 200_000_000_000_000; // in the year 8307

    [JsonPropertyName("device")]
    public required string Device { get; init; }

    /// <summary>Null where the registration ended.</summary>
    [JsonPropertyName("location")]
    public string? Location { get; init; }

    [JsonPropertyName("version")]
    public string? Version { get; init; }

    [JsonPropertyName("lifetime")]
    public uint Lifetime { get; init; }

    [JsonPropertyName("queue")]
    public bool Queue { get; init; }

    [JsonPropertyName("root")]
    public string? Root { get; init; }

    /// <summary>Paths; behind a space the version of an object.</summary>
    [JsonPropertyName("objects")]
    public string[]? Objects { get; init; }

    [JsonPropertyName("formats")]
    public int[]? Formats { get; init; }

    [JsonPropertyName("registered")]
    public long Registered { get; init; }

    [JsonPropertyName("updated")]
    public long Updated { get; init; }

    /// <summary>What is observed by request; the paths of a composite observation with spaces between them.</summary>
    [JsonPropertyName("observe")]
    public string[]? Observe { get; init; }

    internal static RegistrationLine Of(DeviceRegistration registration, IReadOnlyList<IReadOnlyList<ObjectPath>> observe) => new()
    {
        Observe = observe.Count > 0 ? [.. observe.Select(paths => string.Join(' ', paths))] : null,
        Device = registration.DeviceId,
        Location = registration.Location,
        Version = registration.Version,
        Lifetime = registration.Lifetime,
        Queue = registration.IsQueueMode,
        Root = registration.Root.Length > 0 ? registration.Root : null,
        Objects = [.. registration.Objects.Select(o => o.Version is null ? o.Path.ToString() : $"{o.Path} {o.Version}")],
        Formats = registration.ContentFormats.Count > 0 ? [.. registration.ContentFormats] : null,
        Registered = registration.RegisteredAt,
        Updated = registration.UpdatedAt,
    };

    /// <summary>Whether it can be what was written: damage can be JSON all the same.</summary>
    internal bool IsSound => DeviceId.IsValid(Device) && (Location is null || Version is "1.0" or "1.1") && IsTime(Registered) && IsTime(Updated)
        && Objects?.Contains(null) != true && Observe?.Contains(null) != true;

    internal DeviceRegistration? ToRegistration() => Location is null || Version is null ? null : new DeviceRegistration
    {
        DeviceId = Device,
        Location = Location,
        Version = Version,
        Lifetime = Lifetime,
        IsQueueMode = Queue,
        Root = Root ?? "",
        Objects = [.. (Objects ?? []).Select(ToLink).OfType<ObjectLink>()],
        ContentFormats = Formats ?? [],
        RegisteredAt = Registered,
        UpdatedAt = Updated,
    };

    internal IEnumerable<IReadOnlyList<ObjectPath>> ToObservations()
    {
        foreach (string text in Observe ?? [])
        {
            var paths = new List<ObjectPath>();
            foreach (string each in text.Split(' '))
            {
                if (ObjectPath.TryParse(each, out ObjectPath path) && path.Depth > 0)
                    paths.Add(path);
            }
            if (paths.Count > 0)
                yield return paths;
        }
    }

    // Milliseconds since 1970 that are a date, and are one with the longest lifetime behind them.
    private static bool IsTime(long at) => at is >= 0 and < LatestTime;

    private static ObjectLink? ToLink(string text)
    {
        string[] parts = text.Split(' ', 2);
        return ObjectPath.TryParse(parts[0], out ObjectPath path) && path.Depth is 1 or 2 ? new ObjectLink(path, parts.Length == 2 ? parts[1] : null) : null;
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(RegistrationLine))]
internal sealed partial class RegistrationJson : JsonSerializerContext
{
    /// <summary>A line without its end.</summary>
    internal static byte[] Write(RegistrationLine line) => JsonSerializer.SerializeToUtf8Bytes(line, Default.RegistrationLine);

    /// <summary>Null for what is none.</summary>
    internal static RegistrationLine? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Default.RegistrationLine) is { } read && read.IsSound ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
