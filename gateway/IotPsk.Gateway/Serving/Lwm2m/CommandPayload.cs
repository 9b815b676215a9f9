using System.Text;
using System.Text.Json;
using IotPsk.Lwm2m;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// What a command brings: SenML-JSON, plain text, a list of paths, or an envelope <c>{"id":...,"reply":...,"timeout":SECONDS,"publish":true,"value":...}</c> around one of these.
/// </summary>
internal sealed record CommandPayload
{
    private const int MaxDepth = 8, MaxId = 128;

    internal string? Id { get; private init; }

    /// <summary>How long it may take; 0 if it does not say.</summary>
    internal double Seconds { get; private init; }

    /// <summary>SenML-JSON.</summary>
    internal byte[]? Pack { get; private init; }

    internal string? Text { get; private init; }

    internal IReadOnlyList<ObjectPath>? Paths { get; private init; }

    /// <summary>The image of a firmware update.</summary>
    internal string? File { get; private init; }

    /// <summary>The device is to fetch the image.</summary>
    internal bool Pulls { get; private init; }

    /// <summary>The values of the answer are to be published as if they had been notified.</summary>
    internal bool Publishes { get; private init; }

    internal bool IsEmpty => Pack is null && Text is null;

    /// <summary>What is wrong with it, in a sentence.</summary>
    internal string? Problem { get; private init; }

    internal static CommandPayload Read(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
            return new CommandPayload();
        if (!System.Text.Unicode.Utf8.IsValid(payload))
            return new CommandPayload { Problem = "The command is no UTF-8." };
        ReadOnlySpan<byte> trimmed = payload.Trim(" \t\r\n"u8);
        if (trimmed.IsEmpty || trimmed[0] is not ((byte)'{' or (byte)'['))
            return new CommandPayload { Text = Encoding.UTF8.GetString(payload) };
        try
        {
            using JsonDocument document = JsonDocument.Parse(trimmed.ToArray(), new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.ValueKind == JsonValueKind.Array ? ReadValue(new CommandPayload(), document.RootElement) : ReadEnvelope(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new CommandPayload { Problem = "The command begins like JSON and is none." };
        }
    }

    private static CommandPayload ReadEnvelope(JsonElement envelope)
    {
        string? id = envelope.TryGetProperty("id", out JsonElement named) ? named.ValueKind == JsonValueKind.String ? named.GetString() : named.GetRawText() : null;
        var read = new CommandPayload
        {
            Id = id is { Length: <= MaxId } ? id : null,
            Seconds = envelope.TryGetProperty("timeout", out JsonElement seconds) && seconds.ValueKind == JsonValueKind.Number && seconds.TryGetDouble(out double number) ? number : 0,
            Publishes = envelope.TryGetProperty("publish", out JsonElement publish) && publish.ValueKind == JsonValueKind.True,
        };
        return envelope.TryGetProperty("value", out JsonElement value) ? ReadValue(read, value) : read;
    }

    private static CommandPayload ReadValue(CommandPayload read, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array when value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.String:
                var paths = new List<ObjectPath>();
                foreach (JsonElement element in value.EnumerateArray())
                {
                    if (!ObjectPath.TryParse(element.ValueKind == JsonValueKind.String ? element.GetString() : null, out ObjectPath path))
                        return read with { Problem = $"{element.GetRawText()} is no path." };
                    paths.Add(path);
                }
                return read with { Paths = paths };
            case JsonValueKind.Array:
                return read with { Pack = Encoding.UTF8.GetBytes(value.GetRawText()) };
            case JsonValueKind.Object:
                return read with
                {
                    File = value.TryGetProperty("file", out JsonElement file) && file.ValueKind == JsonValueKind.String ? file.GetString() : null,
                    Pulls = value.TryGetProperty("method", out JsonElement method) && method.ValueKind == JsonValueKind.String && method.GetString() == "pull",
                };
            case JsonValueKind.String:
                return read with { Text = value.GetString() };
            case JsonValueKind.Null:
                return read;
            default:
                return read with { Text = value.GetRawText() };
        }
    }
}
