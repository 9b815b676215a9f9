using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.TestSupport;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Tests;

/// <summary>The tables of gateway/README.md say what the code says: keys of the configuration, metrics, log lines, and the words to look for.</summary>
public sealed partial class ReadmeTests
{
    private const string Unheard = "zzzzzzzzzzzzzzzz";
    private static readonly string Folder = Path.Combine(SourceTree.Root, "gateway");
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Folder, "README.md"));

    private static Dictionary<string, Row[]> Sections { get; } = Configuration();

    [Fact]
    public void Every_key_of_the_configuration_is_described_and_nothing_else()
    {
        Assert.Equal(Keys("$", inner => inner), Names("$"));
        string[] objects = [.. Names("$").Where(key => Sections["$"].Single(row => row.Key == key).Type is "object" or "list")];
        Assert.Equal(objects.Order(StringComparer.Ordinal), Sections.Keys.Where(name => name != "$").Order(StringComparer.Ordinal));
        foreach (string section in objects)
            Assert.Equal(Keys(section, inner => Wrapped(section, inner)), Names(section));
    }

    [Fact]
    public void Types_and_ranges_are_those_the_reader_asks_for()
    {
        foreach ((string section, Row[] rows) in Sections)
        {
            foreach (Row row in rows)
            {
                string what = Errors(Wrapped(section, $"\"{row.Key}\": {(row.Type == "list" ? "{}" : "[]")}")).First(error => error.Path.EndsWith("." + row.Key, StringComparison.Ordinal)).What;
                Assert.Equal((section, row.Key, row.Type), (section, row.Key, what[(what.LastIndexOf("not ", StringComparison.Ordinal) + "not ".Length)..] switch
                {
                    "an object" => "object",
                    "a list" => "list",
                    "a number" => "number",
                    var other => other,
                }));
                if (row.Type != "number")
                    continue;
                string outside = Errors(Wrapped(section, $"\"{row.Key}\": -1")).First(error => error.Path.EndsWith("." + row.Key, StringComparison.Ordinal)).What;
                Assert.Equal($"is -1, outside {row.Range}", outside);
            }
        }
    }

    [Fact]
    public void Defaults_are_those_of_the_code()
    {
        var configuration = new GatewayConfiguration();
        foreach ((string section, Row[] rows) in Sections.Where(section => section.Key != "Listeners"))
        {
            object holder = section == "$" ? configuration : Member(configuration, section)!;
            foreach (Row row in rows.Where(row => row.Type is not ("object" or "list")))
                Assert.Equal((section, row.Key, row.Default), (section, row.Key, Text(Member(holder, row.Key))));
        }
        ListenerConfiguration listener = ConfigurationReader.Parse("""{ "Listeners": [ {} ] }"""u8.ToArray(), out _)!.Listeners[0];
        foreach (Row row in Sections["Listeners"].Where(row => row.Key != "Name"))
            Assert.StartsWith(row.Key == "Protocol" ? "mqtt" : Text(Member(listener, row.Key)), row.Default, StringComparison.Ordinal);

        static object? Member(object holder, string name) => holder.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(holder);
        static string Text(object? value) => value switch
        {
            null => "none",
            bool flag => flag ? "true" : "false",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
    }

    [Fact]
    public void What_takes_a_restart_is_marked()
    {
        var running = new GatewayConfiguration();
        GatewayConfiguration next = running with
        {
            State = "/x",
            Registry = new RegistryConfiguration { Postgres = "x", PasswordFile = "/x" },
            Tpm = new TpmConfiguration { Tcti = "x", EncryptSession = true, KeepKeyCache = false, AuthFile = "/x", OwnerAuthFile = "/x" },
        };
        Assert.Equal(ServingRules.NeedsRestart(running, next).Order(StringComparer.Ordinal),
            Sections.SelectMany(section => section.Value.Where(row => row.Reload == "restart").Select(row => section.Key == "$" ? $"$.{row.Key}" : $"$.{section.Key}.{row.Key}")).Order(StringComparer.Ordinal));
        Assert.Empty(ServingRules.NeedsRestart(running, running));
    }

    [Fact]
    public void Every_metric_is_in_the_table_with_its_labels()
    {
        var written = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (string source in Sources())
        {
            foreach (Match metric in NewMetric().Matches(source))
            {
                SortedSet<string> labels = written.TryGetValue(metric.Groups[1].Value, out SortedSet<string>? known) ? known : written[metric.Groups[1].Value] = new(StringComparer.Ordinal);
                foreach (Match label in Label().Matches(metric.Groups[2].Value))
                    labels.Add(label.Groups[1].Value);
            }
        }
        Assert.Equal(written.Select(metric => $"{metric.Key}: {string.Join(", ", metric.Value)}"),
            Table("| metric |").Select(cells => $"{cells[0].Trim('`')}: {string.Join(", ", cells[1].Split(", ").Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal));
        Assert.True(written.Count > 40);
    }

    [Fact]
    public void Every_log_line_has_an_id_of_its_own_and_is_in_the_table()
    {
        (MethodInfo Method, LoggerMessageAttribute Message)[] messages = [.. typeof(GatewayService).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly))
            .Select(method => (method, method.GetCustomAttribute<LoggerMessageAttribute>()!)).Where(pair => pair.Item2 is not null)];
        Assert.Empty(messages.GroupBy(m => m.Message.EventId).Where(same => same.Count() > 1).Select(same => same.Key));
        Assert.All(messages, m => Assert.Equal(m.Method.Name, m.Message.EventName));
        Assert.Equal(messages.OrderBy(m => m.Message.EventId).Select(m => $"{m.Message.EventId} {m.Message.EventName} {m.Message.Level} {m.Message.Message}"),
            Table("| id |").Select(cells => string.Join(' ', cells)));
    }

    [Fact]
    public void The_words_to_look_for_are_words_of_the_program()
    {
        string all = string.Join('\n', Sources().Append(string.Join('\n', Directory.EnumerateFiles(Path.Combine(Folder, "IotPsk.Tls"), "*.cs", SearchOption.AllDirectories).Concat(
            Directory.EnumerateFiles(Path.Combine(Folder, "IotPsk.Keys"), "*.cs", SearchOption.AllDirectories)).Concat(
            Directory.EnumerateFiles(Path.Combine(Folder, "IotPsk.Net"), "*.cs", SearchOption.AllDirectories)).Select(File.ReadAllText))));
        string[][] rows = [.. Table("| the log says |")];
        Assert.True(rows.Length > 25);
        foreach (string phrase in rows.SelectMany(cells => Quoted().Matches(cells[0]).Select(match => match.Groups[1].Value)))
        {
            // "TpmUnavailable" stands for itself; between "..." there is what the line puts in.
            foreach (string part in phrase.Split("...", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(part => part.Split(": ")))
                Assert.True(all.Contains(part, StringComparison.Ordinal), $"no source says \"{part}\"");
        }
    }

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(Folder, "IotPsk.Gateway"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText);

    private static string Wrapped(string section, string inner) => section switch
    {
        "$" => inner,
        "Listeners" => $"\"Listeners\": [ {{ {inner} }} ]",
        _ => $"\"{section}\": {{ {inner} }}",
    };

    private static IReadOnlyList<ConfigurationError> Errors(string content)
    {
        ConfigurationReader.Parse(Encoding.UTF8.GetBytes($"{{ {content} }}"), out IReadOnlyList<ConfigurationError> errors);
        return errors;
    }

    // The reader tells the keys it knows to whoever writes another.
    private static IEnumerable<string> Keys(string section, Func<string, string> wrap) => Errors(wrap($"\"{Unheard}\": 1"))
        .Single(error => error.Path.EndsWith(Unheard, StringComparison.Ordinal)).Mend["known here: ".Length..].Split(", ").Distinct().Order(StringComparer.Ordinal);

    private static IEnumerable<string> Names(string section) => Sections[section].Select(row => row.Key).Order(StringComparer.Ordinal);

    private static Dictionary<string, Row[]> Configuration()
    {
        var sections = new Dictionary<string, Row[]>();
        for (int i = 0; i < Lines.Length; i++)
        {
            if (Lines[i].StartsWith("### `", StringComparison.Ordinal))
                sections.Add(Lines[i].Trim('#', ' ', '`'), [.. Table("| key |", i).Select(cells => new Row(cells[0].Trim('`'), cells[1], cells[2].Trim('`').Replace("`, `", ", `", StringComparison.Ordinal), cells[3], cells[4]))]);
        }
        return sections;
    }

    // The rows of the first table that begins so, cell by cell.
    private static IEnumerable<string[]> Table(string heading, int from = 0) => Lines.Skip(from).SkipWhile(line => !line.StartsWith(heading, StringComparison.Ordinal)).Skip(2)
        .TakeWhile(line => line.StartsWith('|')).Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray());

    [GeneratedRegex("""new\("(iotpsk_[a-z0-9_]+)", (.*)\);""")]
    private static partial Regex NewMetric();

    [GeneratedRegex(""", "([a-z]+)", """)]
    private static partial Regex Label();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    private sealed record Row(string Key, string Type, string Default, string Range, string Reload);
}
