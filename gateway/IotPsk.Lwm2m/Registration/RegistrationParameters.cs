using System.Globalization;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Registration;

/// <summary>The query of a registration or an update (OMA LwM2M 1.1 s6.2.1, s6.2.2). What is not known is passed over.</summary>
internal sealed class RegistrationParameters
{
    // Transports of 1.0 and 1.1: UDP, TCP, SMS, non-IP; Q is the queue mode of 1.0.
    private const string Bindings = "UTSNQ";

    /// <summary>The endpoint client name; null if it is not told, and then it is the one that the handshake proved.</summary>
    internal string? Endpoint { get; private set; }

    internal uint? Lifetime { get; private set; }

    internal string? Version { get; private set; }

    /// <summary>Null if neither the binding nor the queue mode is told.</summary>
    internal bool? IsQueueMode { get; private set; }

    /// <summary>Reads the Uri-Query options; false with a sentence for the device's log if one is wrong.</summary>
    internal bool TryRead(CoapReader request, out string problem)
    {
        problem = "";
        request.RewindOptions();
        while (request.ReadOption() && problem.Length == 0)
        {
            if (request.OptionNumber != CoapOption.UriQuery)
                continue;
            if (!request.TryGetText(out string argument))
            {
                problem = "A query argument is no UTF-8.";
                break;
            }
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            problem = Take(equals < 0 ? argument : argument[..equals], equals < 0 ? null : argument[(equals + 1)..]);
        }
        return problem.Length == 0;
    }

    private string Take(string name, string? value)
    {
        switch (name)
        {
            case "ep":
                bool isTwice = Endpoint is not null;
                Endpoint = value ?? "";
                return isTwice ? "ep stands twice." : "";
            case "lt":
                bool isNumber = uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint lifetime);
                Lifetime = lifetime;
                return isNumber ? "" : "lt is no number of seconds.";
            case "lwm2m":
                Version = value ?? "";
                return "";
            case "b":
                IsQueueMode = IsQueueMode == true || value?.Contains('Q', StringComparison.Ordinal) == true;
                return value is { Length: > 0 } && value.All(c => Bindings.Contains(c, StringComparison.Ordinal)) ? "" : "b is no binding.";
            case "Q":
                IsQueueMode = true;
                return "";
            default:
                return "";
        }
    }
}
