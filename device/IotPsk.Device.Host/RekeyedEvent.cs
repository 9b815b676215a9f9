using System.Globalization;
using System.Text.Json.Nodes;

namespace IotPsk.Device.Host;

/// <summary>The event "rekeyed": a new key is in the vault, or why there is none.</summary>
internal static class RekeyedEvent
{
    internal static void Print(EventPrinter printer, string device, int epoch, PskException? problem) => printer.Print("rekeyed", device,
        problem is null ? string.Create(CultureInfo.InvariantCulture, $"has a key of epoch {epoch}") : $"has no new key: {problem.Message}",
        new JsonObject { ["epoch"] = problem is null ? epoch : null, ["reason"] = problem?.Name, ["message"] = problem?.Message });
}
