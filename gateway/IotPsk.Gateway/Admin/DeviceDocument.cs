using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Serving;
using IotPsk.Keys;
using IotPsk.Lwm2m.Registration;

namespace IotPsk.Gateway.Admin;

/// <summary>A device as the verbs and the admin API tell it.</summary>
internal static class DeviceDocument
{
    internal static JsonObject Of(DeviceRecord record) => new()
    {
        ["id"] = record.Id,
        ["mode"] = record.Mode.ToString().ToLowerInvariant(),
        ["enrolledAt"] = record.EnrolledAt.ToString("O", CultureInfo.InvariantCulture),
        ["revokedAt"] = record.RevokedAt?.ToString("O", CultureInfo.InvariantCulture),
        ["generation"] = record.Generation,
        ["lastEpoch"] = record.LastEpoch == 0 ? null : record.LastEpoch,
        ["logName"] = LogName.Of(record.Id),
    };

    /// <summary>What an LwM2M device said of itself.</summary>
    internal static JsonObject Of(DeviceRegistration registration) => new()
    {
        ["device"] = registration.DeviceId,
        ["version"] = registration.Version,
        ["lifetime"] = registration.Lifetime,
        ["queueMode"] = registration.IsQueueMode,
        ["registeredAt"] = Time(registration.RegisteredAt),
        ["updatedAt"] = Time(registration.UpdatedAt),
        ["expiresAt"] = registration.Lifetime == 0 ? null : Time(registration.ExpiresAt),
        ["objects"] = new JsonArray([.. registration.Objects.Select(link => (JsonNode)link.Path.ToString())]),
    };

    private static string Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("O", CultureInfo.InvariantCulture);
}
