using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Device.Host;

/// <summary>Prints what happens to the devices, a line each: text, or JSON.</summary>
internal sealed class EventPrinter(TextWriter output, TextWriter errors, bool json)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Lock _gate = new();

    internal void Print(string name, string device, string text, JsonObject? details = null)
    {
        lock (_gate)
        {
            if (!json)
            {
                output.WriteLine($"{device}  {text}");
            }
            else
            {
                var document = new JsonObject { ["event"] = name, ["device"] = device };
                foreach ((string key, JsonNode? value) in details ?? [])
                    document[key] = value?.DeepClone();
                output.WriteLine(document.ToJsonString(Plain));
            }
            output.Flush();
        }
    }

    internal void Problem(string device, string text)
    {
        lock (_gate)
            errors.WriteLine($"iotpsk-device: {device}: {text}");
    }
}
