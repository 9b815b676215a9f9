using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using IotPsk.Lwm2m.Registration;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// What to observe of every device that has it: <c>/3303</c> is each instance of an object, <c>/3200-3399</c> the same of many objects, <c>/3/0</c> one instance and
/// <c>/3/0/9</c> one resource.
/// </summary>
public sealed class ObservationRule
{
    private readonly int _first, _last;
    private readonly ObjectPath? _path;

    private ObservationRule(int first, int last, ObjectPath? path) => (_first, _last, _path) = (first, last, path);

    /// <summary>
    /// The sensors of IPSO: all instances of the objects 3200 to 3203 (inputs) and 3300 to 3399. The Device object and the rest are read when somebody asks.
    /// </summary>
    public static IReadOnlyList<ObservationRule> Defaults { get; } = [new(3200, 3203, null), new(3300, 3399, null)];

    /// <summary>Reads a rule.</summary>
    /// <param name="text">For example <c>/3303</c>, <c>/3200-3399</c>, <c>/3/0</c> or <c>/3/0/9</c>.</param>
    /// <param name="rule">What it says.</param>
    /// <returns>False if it is none.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out ObservationRule? rule)
    {
        ArgumentNullException.ThrowIfNull(text);
        rule = null;
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash >= 0)
        {
            bool isRange = TryParseObject(text[..dash], out int first) & TryParseObject("/" + text[(dash + 1)..], out int last) && first <= last;
            rule = isRange ? new ObservationRule(first, last, null) : null;
            return isRange;
        }
        if (!text.StartsWith('/') || !ObjectPath.TryParse(text, out ObjectPath path) || path.Depth == 0)
            return false;
        rule = new ObservationRule(path.ObjectId, path.ObjectId, path.Depth == 1 ? null : path);
        return true;
    }

    /// <summary>What it says of a device.</summary>
    /// <param name="objects">What the device has.</param>
    /// <returns>Paths to observe: the instances that the device listed, and an object as a whole that it listed without one.</returns>
    internal IEnumerable<ObjectPath> Apply(IReadOnlyList<ObjectLink> objects)
    {
        if (_path is { } path)
            return objects.Any(o => o.Path.ObjectId == path.ObjectId && (o.Path.Depth == 1 || o.Path.InstanceId == path.InstanceId)) ? [path] : [];
        return objects.Select(o => o.Path)
            .Where(p => p.ObjectId >= _first && p.ObjectId <= _last && (p.Depth == 2 || !objects.Any(o => o.Path.Depth == 2 && o.Path.ObjectId == p.ObjectId)));
    }

    private static bool TryParseObject(string text, out int id)
    {
        id = -1;
        return text.StartsWith('/') && int.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= ObjectPath.MaxId;
    }
}
