using System.Text.Json;
using IotPsk.Lwm2m.Management;

namespace IotPsk.Gateway.Configuration;

/// <summary>How LwM2M devices are managed.</summary>
internal sealed record Lwm2mConfiguration
{
    private static readonly string[] s_defaults = ["/3200-3203", "/3300-3399"];

    /// <summary>
    /// What is observed of each device after it registered: <c>/3303</c> is every instance of an object, <c>/3300-3399</c> of many objects, <c>/3/0</c> one instance, <c>/3/0/9</c> one resource.
    /// The default is the sensors of IPSO.
    /// </summary>
    internal IReadOnlyList<string> Observe { get; init; } = s_defaults;

    /// <summary>Seconds that a request waits for a device in queue mode to wake, 1..2592000.</summary>
    internal int QueueSeconds { get; init; } = 86_400;

    /// <summary>Directory of firmware images, served to devices below <c>/fw/</c>; null: there is no firmware.</summary>
    internal string? FirmwareDirectory { get; init; }

    /// <summary>What devices fetch firmware from, with the file's name behind it; null: images are pushed only.</summary>
    internal string? FirmwareUri { get; init; }

    internal static Lwm2mConfiguration Read(JsonObjectReader? reader)
    {
        var defaults = new Lwm2mConfiguration();
        if (reader is null)
            return defaults;
        var configuration = new Lwm2mConfiguration
        {
            Observe = ReadRules(reader) ?? defaults.Observe,
            QueueSeconds = reader.Number("QueueSeconds", defaults.QueueSeconds, 1, 2_592_000),
            FirmwareDirectory = reader.Text("FirmwareDirectory"),
            FirmwareUri = reader.Text("FirmwareUri"),
        };
        if (configuration.FirmwareDirectory is { } directory && (!Path.IsPathFullyQualified(directory) || directory.Contains('\0')))
            reader.Error(reader.PathOf("FirmwareDirectory"), $"\"{directory}\" is no absolute path", "write it from the root on, like /var/lib/iotpsk-firmware");
        // Longer ones do not fit into a message of a device beside the file's name (OMA LwM2M 1.1 E.6: 255 bytes).
        bool isUri = configuration.FirmwareUri is not { } text || (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "coaps" or "coap" && text.EndsWith('/') && text.Length <= 200);
        if (!isUri)
            reader.Error(reader.PathOf("FirmwareUri"), $"\"{configuration.FirmwareUri}\" is no address of CoAP that ends with a slash", "write it like coaps://gateway.example:5684/fw/");
        reader.End();
        return configuration;
    }

    private static List<string>? ReadRules(JsonObjectReader reader)
    {
        if (!reader.TryGet("Observe", out JsonElement list))
            return null;
        var rules = new List<string>();
        if (list.ValueKind != JsonValueKind.Array)
        {
            reader.Error(reader.PathOf("Observe"), $"is {JsonObjectReader.Kind(list)}, not a list", "write [ \"/3303\", \"/3/0/9\" ], or [] to observe nothing");
            return null;
        }
        foreach (JsonElement element in list.EnumerateArray())
        {
            string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
            if (text is null || !ObservationRule.TryParse(text, out _))
                reader.Error($"{reader.PathOf("Observe")}[{rules.Count}]", text is null ? $"is {JsonObjectReader.Kind(element)}, not text" : $"\"{text}\" is no path of LwM2M", "write /3303, /3300-3399, /3/0 or /3/0/9");
            rules.Add(text ?? "");
        }
        return rules;
    }
}
