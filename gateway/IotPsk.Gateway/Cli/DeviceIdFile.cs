using System.Globalization;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary>
/// Device ids from a CSV file: the first column of each line; further columns are somebody else's. A first line that says <c>id</c>,
/// <c>device</c> or <c>device id</c>, in capitals or not, is a header, empty lines are passed over.
/// </summary>
internal static class DeviceIdFile
{
    private const int MaxFaultsTold = 20;

    /// <summary>The ids with their line numbers. Throws <see cref="UserError"/> with every bad and every double id, by line.</summary>
    internal static IReadOnlyList<(int Line, string Id)> Read(string path)
    {
        var ids = new List<(int Line, string Id)>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var faults = new List<string>();
        int number = 0;
        foreach (string line in File.ReadLines(path, Encoding.UTF8))
        {
            number++;
            string id = FirstColumn(line);
            if (line.AsSpan().Trim().IsEmpty || (number == 1 && IsHeader(id)))
                continue;
            if (!DeviceId.IsValid(id))
                faults.Add(Fault(path, number, $"\"{Printable(id)}\" is no device id", DeviceId.Rule));
            else if (!seen.TryAdd(id, number))
                faults.Add(Fault(path, number, string.Create(CultureInfo.InvariantCulture, $"{id} stands in line {seen[id]} already"), "remove one of them"));
            else
                ids.Add((number, id));
        }
        Refuse(faults);
        return ids.Count > 0 ? ids : throw new UserError("there is no device id in the file", path, "write one id a line");
    }

    internal static string Fault(string path, int line, string what, string mend) =>
        UserError.Join(what, string.Create(CultureInfo.InvariantCulture, $"{path}, line {line}"), mend);

    /// <summary>Throws when there is a fault: the first ones are told, and how many there are besides.</summary>
    internal static void Refuse(List<string> faults)
    {
        if (faults.Count == 0)
            return;
        throw UserError.Several(faults.Count <= MaxFaultsTold
            ? faults
            : faults.Take(MaxFaultsTold).Append(string.Create(CultureInfo.InvariantCulture, $"and {faults.Count - MaxFaultsTold} faults more; nothing was done")));
    }

    private static bool IsHeader(string text) =>
        text.All(c => char.IsAsciiLetter(c) || c is ' ' or '_' or '-') && string.Concat(text.Where(char.IsAsciiLetter)).ToUpperInvariant() is "ID" or "DEVICE" or "DEVICEID";

    // No separator and no quote is part of any id.
    private static string FirstColumn(string line)
    {
        ReadOnlySpan<char> column = line.AsSpan().Trim();
        int end = column.IndexOfAny(',', ';', '\t');
        if (end >= 0)
            column = column[..end].TrimEnd();
        return (column is ['"', .. var inner, '"'] ? inner.Trim() : column).ToString();
    }

    private static string Printable(string id)
    {
        string shown = id.Length > DeviceId.MaxLength + 1 ? id[..DeviceId.MaxLength] + "..." : id;
        return string.Concat(shown.Select(c => char.IsControl(c) ? "?" : c.ToString()));
    }
}
