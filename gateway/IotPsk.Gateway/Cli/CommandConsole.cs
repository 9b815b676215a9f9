using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IotPsk.Gateway.Cli;

/// <summary>Where a verb prints: text for people, one JSON document with <c>--json</c>.</summary>
internal sealed class CommandConsole(TextWriter output, TextWriter errors, bool redirected)
{
    // Nothing here lands in HTML: '+' and the like stay as they are.
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal TextWriter Output => output;
    internal TextWriter Errors => errors;

    /// <summary>True when the output is a pipe or a file.</summary>
    internal bool Redirected => redirected;

    /// <summary>Prints one of the two forms.</summary>
    internal void Print(bool json, JsonNode document, string text)
    {
        if (json)
            output.WriteLine(document.ToJsonString(Indented));
        else
            output.WriteLine(text);
    }
}
