using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace IotPsk.Gateway.Serving;

/// <summary>One number with its name and labels.</summary>
/// <param name="Name">The name, as Prometheus wants it: a counter ends in _total.</param>
/// <param name="Help">One line.</param>
/// <param name="Value">The number.</param>
/// <param name="Labels">Names and values, alternating.</param>
internal sealed record Metric(string Name, string Help, double Value, params string[] Labels)
{
    internal string Type => Name.EndsWith("_total", StringComparison.Ordinal) ? "counter" : "gauge";

    /// <summary>The text format of Prometheus, version 0.0.4; metrics of one name must follow each other.</summary>
    internal static string ToText(IEnumerable<Metric> metrics)
    {
        var text = new StringBuilder();
        string? name = null;
        foreach (Metric metric in metrics)
        {
            if (metric.Name != name)
                text.Append(CultureInfo.InvariantCulture, $"# HELP {metric.Name} {metric.Help}\n# TYPE {metric.Name} {metric.Type}\n");
            name = metric.Name;
            text.Append(metric.Series()).Append(' ').Append(metric.Value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>One member per series.</summary>
    internal static JsonObject ToJson(IEnumerable<Metric> metrics)
    {
        var json = new JsonObject();
        foreach (Metric metric in metrics)
            json[metric.Series()] = metric.Value;
        return json;
    }

    private string Series()
    {
        if (Labels.Length == 0)
            return Name;
        var text = new StringBuilder(Name).Append('{');
        for (int i = 0; i < Labels.Length; i += 2)
            text.Append(i == 0 ? "" : ",").Append(Labels[i]).Append("=\"").Append(Escape(Labels[i + 1])).Append('"');
        return text.Append('}').ToString();
    }

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
