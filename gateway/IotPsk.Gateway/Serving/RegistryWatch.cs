using System.Globalization;
using IotPsk.Keys;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>Tells the log what of the registry concerns this gateway's operator: that it is away or back, and that other gateways have keys that are missing here.</summary>
internal sealed class RegistryWatch
{
    private readonly IRegistry _registry;
    private readonly ILogger _log;
    private string _missing = "";

    internal RegistryWatch(IRegistry registry, ILogger log)
    {
        (_registry, _log) = (registry, log);
        registry.PollProblemChanged += ProblemChanged;
        registry.FleetChanged += FleetChanged;
        if (registry.Fleet is { } fleet)
            FleetChanged(fleet);
    }

    internal void Stop()
    {
        _registry.PollProblemChanged -= ProblemChanged;
        _registry.FleetChanged -= FleetChanged;
    }

    private void ProblemChanged(string? problem)
    {
        if (problem is null)
            _log.RegistryBack();
        else
            _log.RegistryAway(problem);
    }

    private void FleetChanged(FleetRecord fleet)
    {
        string missing = string.Join(", ", fleet.MissingEpochs.Select(epoch => epoch.Number.ToString(CultureInfo.InvariantCulture)));
        if (Interlocked.Exchange(ref _missing, missing) != missing && missing.Length > 0)
        {
            _log.Problem($"Devices of epoch {missing} are refused here, for its key is not in this gateway's TPM: bring it with iotpsk fleet export-to on another gateway " +
                "and iotpsk fleet import here");
        }
    }
}
