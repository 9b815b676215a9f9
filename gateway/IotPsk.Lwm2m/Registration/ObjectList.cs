using System.Globalization;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Registration;

/// <summary>The objects and instances a device lists, in the CoRE link format (OMA LwM2M 1.1 s6.2.1, RFC 6690).</summary>
internal sealed class ObjectList
{
    /// <summary>More than any device has; the list of one that says so is refused.</summary>
    internal const int MaxLinks = 2000;

    // What stands in every path, and what every device speaks.
    private const int MaxRoot = 64, MaxFormats = 32;

    private readonly List<(string Target, string? Version)> _links = [];

    internal string Root { get; private set; } = "";

    internal IReadOnlyList<ObjectLink> Objects { get; private set; } = [];

    internal IReadOnlyList<int> ContentFormats { get; private set; } = [];

    /// <summary>Reads a list; false with a sentence for the device's log if it is none.</summary>
    internal bool TryRead(byte[] buffer, int offset, int count, out string problem)
    {
        var reader = new LinkReader(buffer, offset, count);
        while (reader.Read() && _links.Count <= MaxLinks)
            TakeLink(reader);
        problem = reader.IsMalformed ? "The list of objects is no CoRE link format."
            : _links.Count > MaxLinks ? string.Create(CultureInfo.InvariantCulture, $"The list has more than {MaxLinks} links.")
            : Root.Length > MaxRoot ? string.Create(CultureInfo.InvariantCulture, $"The root path has more than {MaxRoot} characters.")
            : "";
        if (problem.Length > 0)
            return false;
        // The root may be told anywhere in the list. Links to something else than objects mean nothing here.
        Objects = [.. _links.Select(ToObject).OfType<ObjectLink>()];
        if (Objects.Count == 0)
            problem = "The list names no object.";
        return problem.Length == 0;
    }

    private void TakeLink(LinkReader reader)
    {
        string target = reader.Target;
        string? version = null, formats = null;
        bool isRoot = false;
        while (reader.ReadAttribute())
        {
            switch (reader.AttributeName)
            {
                case "ver":
                    version = reader.AttributeValue;
                    break;
                case "rt":
                    isRoot = reader.AttributeValue == "oma.lwm2m";
                    break;
                case "ct":
                    formats = reader.AttributeValue;
                    break;
                default:
                    break;
            }
        }
        if (!isRoot)
        {
            _links.Add((target, version));
            return;
        }
        Root = target.TrimEnd('/');
        ContentFormats = [.. (formats ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(f => int.TryParse(f, NumberStyles.None, CultureInfo.InvariantCulture, out int format) ? format : -1).Where(f => f is >= 0 and <= ushort.MaxValue).Take(MaxFormats)];
    }

    private ObjectLink? ToObject((string Target, string? Version) link) =>
        link.Target.StartsWith(Root + "/", StringComparison.Ordinal) && ObjectPath.TryParse(link.Target[Root.Length..], out ObjectPath path) && path.Depth is 1 or 2
            ? new ObjectLink(path, path.Depth == 1 ? link.Version : null)
            : null;
}
