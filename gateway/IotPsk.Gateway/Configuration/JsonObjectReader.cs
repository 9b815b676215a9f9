using System.Text.Json;

namespace IotPsk.Gateway.Configuration;

/// <summary>Reads one JSON object key by key, notes every fault with its path, and finds the keys nobody asked for.</summary>
internal sealed class JsonObjectReader
{
    private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);
    private readonly List<string> _known = [];
    private readonly List<ConfigurationError> _errors;

    private JsonObjectReader(string path, List<ConfigurationError> errors)
    {
        Path = path;
        _errors = errors;
    }

    internal string Path { get; }

    /// <summary>Opens an object; a value of another kind is noted and read as an empty object.</summary>
    internal static JsonObjectReader Open(JsonElement element, string path, List<ConfigurationError> errors)
    {
        var reader = new JsonObjectReader(path, errors);
        if (element.ValueKind != JsonValueKind.Object)
        {
            reader.Error(path, $"is {Kind(element)}, not an object", "write { \"Key\": value, ... }");
            return reader;
        }
        foreach (JsonProperty member in element.EnumerateObject())
        {
            if (!reader._members.TryAdd(member.Name, member.Value))
                reader.Error(reader.PathOf(member.Name), "is given twice", "keep one of the two");
        }
        return reader;
    }

    internal string PathOf(string key) =>
        key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? $"{Path}.{key}"
            : $"{Path}['{JsonEncodedText.Encode(key)}']";

    internal void Error(string path, string what, string mend) => _errors.Add(new ConfigurationError(path, what, mend));

    internal bool Has(string key) => _members.ContainsKey(key);

    internal bool TryGet(string key, out JsonElement value)
    {
        _known.Add(key);
        return _members.TryGetValue(key, out value);
    }

    internal JsonObjectReader? Object(string key) =>
        TryGet(key, out JsonElement value) ? Open(value, PathOf(key), _errors) : null;

    internal string? Text(string key)
    {
        if (!TryGet(key, out JsonElement value))
            return null;
        if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text)
            return text;
        Error(PathOf(key), value.ValueKind == JsonValueKind.String ? "is empty" : $"is {Kind(value)}, not text", "write a text in double quotes, or leave the key out");
        return null;
    }

    internal bool Flag(string key, bool otherwise)
    {
        if (!TryGet(key, out JsonElement value))
            return otherwise;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.GetBoolean();
        Error(PathOf(key), $"is {Kind(value)}, not true or false", "write true or false without quotes");
        return otherwise;
    }

    internal int Number(string key, int otherwise, int least, int most)
    {
        if (!TryGet(key, out JsonElement value))
            return otherwise;
        if (value.ValueKind != JsonValueKind.Number)
            Error(PathOf(key), $"is {Kind(value)}, not a number", $"write a whole number from {least} to {most} without quotes");
        else if (!value.TryGetInt32(out int number) || number < least || number > most)
            Error(PathOf(key), $"is {value.GetRawText()}, outside {least}..{most}", $"write a whole number from {least} to {most}");
        else
            return number;
        return otherwise;
    }

    /// <summary>An address of a scheme given; null when absent or wrong (noted).</summary>
    internal EndpointAddress? Address(string key, string[] schemes, string example)
    {
        if (Text(key) is not { } text)
            return null;
        if (!EndpointAddress.TryParse(text, out EndpointAddress address, out string fault))
            Error(PathOf(key), $"\"{text}\" {fault}", $"write it like {example}");
        else if (!schemes.Contains(address.Scheme))
            Error(PathOf(key), $"\"{text}\" is not a {string.Join(" or ", schemes.Select(scheme => scheme + "://"))} address", $"write it like {example}");
        else
            return address;
        return null;
    }

    /// <summary>Notes every key that was not asked for.</summary>
    internal void End()
    {
        foreach (string key in _members.Keys.Except(_known, StringComparer.Ordinal))
        {
            string? near = Spelling.Nearest(key, _known);
            Error(PathOf(key), "is no known key", near is null ? $"known here: {string.Join(", ", _known)}" : $"did you mean {near}?");
        }
    }

    internal static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
