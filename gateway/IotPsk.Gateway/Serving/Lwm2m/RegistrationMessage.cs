using System.Text.Json;
using System.Text.Json.Serialization;
using IotPsk.Lwm2m.Registration;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>What the topic <c>DEVICE/registration</c> says, retained.</summary>
internal sealed record RegistrationMessage
{
    [JsonPropertyName("state")]
    public required string State { get; init; }

    /// <summary>Seconds; 0 is for ever.</summary>
    [JsonPropertyName("lifetime")]
    public uint Lifetime { get; init; }

    [JsonPropertyName("version")]
    public required string Version { get; init; }

    [JsonPropertyName("queueMode")]
    public bool QueueMode { get; init; }

    [JsonPropertyName("objects")]
    public required string[] Objects { get; init; }

    /// <summary>When it registered, by RFC 3339.</summary>
    [JsonPropertyName("registered")]
    public DateTimeOffset Registered { get; init; }

    /// <summary>When this happened.</summary>
    [JsonPropertyName("at")]
    public DateTimeOffset At { get; init; }

    internal static byte[] Write(Lwm2mEventKind kind, DeviceRegistration registration, DateTimeOffset at) => JsonSerializer.SerializeToUtf8Bytes(new RegistrationMessage
    {
        State = NameOf(kind),
        Lifetime = registration.Lifetime,
        Version = registration.Version,
        QueueMode = registration.IsQueueMode,
        Objects = [.. registration.Objects.Select(o => o.Path.ToString())],
        Registered = DateTimeOffset.FromUnixTimeMilliseconds(registration.RegisteredAt),
        At = at,
    }, RegistrationMessageJson.Default.RegistrationMessage);

    /// <summary>The kind of an event as topics and streams name it.</summary>
    internal static string NameOf(Lwm2mEventKind kind) => JsonNamingPolicy.CamelCase.ConvertName(kind.ToString());
}

[JsonSerializable(typeof(RegistrationMessage))]
internal sealed partial class RegistrationMessageJson : JsonSerializerContext;
