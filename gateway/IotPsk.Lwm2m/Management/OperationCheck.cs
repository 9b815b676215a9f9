using System.Globalization;

namespace IotPsk.Lwm2m.Management;

/// <summary>Which operations make sense (OMA LwM2M 1.1 s6.3, s6.4, table of operations and their targets).</summary>
internal static class OperationCheck
{
    internal const int MaxPaths = 64;

    private const int MaxPayload = 16 << 20;

    /// <summary>A sentence that tells what is wrong; null if nothing is.</summary>
    internal static string? Find(Lwm2mOperation operation)
    {
        if (operation.Paths.Count == 0)
            return "It names no object, instance or resource, like /3/0/9.";
        if (operation.Paths.Count > MaxPaths)
            return $"An operation has 1 to {MaxPaths} paths.";
        bool isComposite = operation.Paths.Count > 1;
        if (isComposite && operation.Verb is not (Lwm2mVerb.Read or Lwm2mVerb.Observe or Lwm2mVerb.Cancel))
            return $"{operation.Verb} has one path.";
        foreach (ObjectPath path in operation.Paths)
        {
            if (!Fits(operation.Verb, path.Depth, isComposite))
                return $"{operation.Verb} does not go with {path}.";
            if (path.ObjectId == 0 || path.ObjectId == 21)
                return "The objects 0 (Security) and 21 (OSCORE) are none of a server's business (OMA LwM2M 1.1 s6.3).";
        }
        if (operation.Payload is { Length: > MaxPayload })
            return $"A value has at most {MaxPayload} bytes.";
        return operation.Verb switch
        {
            Lwm2mVerb.Write or Lwm2mVerb.Update => FindInValues(operation),
            Lwm2mVerb.WriteAttributes => FindInAttributes(operation.Text ?? ""),
            Lwm2mVerb.Execute => FindInArguments(operation.Text ?? ""),
            _ => null,
        };
    }

    private static bool Fits(Lwm2mVerb verb, int depth, bool isComposite) => verb switch
    {
        Lwm2mVerb.Read or Lwm2mVerb.Observe or Lwm2mVerb.Cancel => depth >= 1 || isComposite,
        Lwm2mVerb.Write => depth >= 2,
        Lwm2mVerb.Update => depth is 0 or 2 or 3,
        Lwm2mVerb.Execute => depth == 3,
        Lwm2mVerb.Create => depth == 1,
        Lwm2mVerb.Delete => depth is 2 or 4,
        Lwm2mVerb.Discover => depth is >= 1 and <= 3,
        _ => depth is >= 1 and <= 4,
    };

    private static string? FindInValues(Lwm2mOperation operation)
    {
        int given = (operation.Records.Count > 0 ? 1 : 0) + (operation.Payload is null ? 0 : 1) + (operation.Text is null ? 0 : 1);
        if (given != 1)
            return given == 0 ? "There is no value to write." : "The value is given more than once.";
        if (operation.Payload is not null && operation.ContentFormat < 0)
            return "The format of the value is not told.";
        return operation.Text is not null && operation.Paths[0].Depth < 3 ? "Plain text is the value of a single resource." : null;
    }

    // OMA LwM2M 1.1 s5.1.2 table of attributes.
    private static string? FindInAttributes(string query)
    {
        foreach (string argument in query.Split('&'))
        {
            string[] parts = argument.Split('=', 2);
            bool isPeriod = parts[0] is "pmin" or "pmax" or "epmin" or "epmax", isThreshold = parts[0] is "gt" or "lt" or "st";
            if (!isPeriod && !isThreshold)
                return $"'{parts[0]}' is no attribute: there are pmin, pmax, epmin, epmax, gt, lt and st.";
            // Without a value it is taken away.
            bool isNumber = parts.Length == 1 || (isPeriod ? uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)
                : double.TryParse(parts[1], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _));
            if (!isNumber)
                return $"'{argument}' gives {parts[0]} no {(isPeriod ? "number of seconds" : "number")}.";
        }
        return null;
    }

    // s6.3.5: 0 to 9, each maybe with ='text', separated by commas; printable ASCII.
    private static string? FindInArguments(string text) =>
        text.Length <= 1024 && text.All(c => c is >= ' ' and <= '~') ? null : "Arguments are up to 1024 characters of printable ASCII, like 0='text',1.";
}
