namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Telemetry in numbers; none where nothing is served that has any.</summary>
internal static class TelemetryMetrics
{
    internal static IEnumerable<Metric> Read(TelemetryService telemetry)
    {
        if (telemetry.Queue is not { } queue)
            yield break;
        TelemetryCounters counters = telemetry.Counters;
        yield return new("iotpsk_broker_connected", "1 while the broker of Telemetry.Mqtt is connected.", telemetry.IsConnected ? 1 : 0);
        yield return new("iotpsk_broker_connects_total", "Times the broker accepted the gateway's own session.", counters.Connects);
        yield return new("iotpsk_broker_connect_failures_total", "Times the broker could not be reached, or refused.", counters.ConnectFailures);
        yield return new("iotpsk_telemetry_queued", "Messages on the disk that the broker has not acknowledged.", queue.Count);
        yield return new("iotpsk_telemetry_queued_bytes", "Bytes of them.", queue.Bytes);
        yield return new("iotpsk_telemetry_oldest_seconds", "Age of the oldest of them.", queue.OldestAge.TotalSeconds);
        yield return new("iotpsk_telemetry_aside", "Of them, those put aside because the broker ends the connection over each.", telemetry.Aside);
        yield return new("iotpsk_telemetry_taken_total", "Messages written to the disk.", counters.Taken);
        yield return new("iotpsk_telemetry_published_total", "Messages the broker acknowledged.", counters.Published);
        foreach (TelemetryRefusal reason in Enum.GetValues<TelemetryRefusal>())
            yield return new("iotpsk_telemetry_refused_total", "Messages that were not taken.", counters[reason], "reason", reason.ToString());
        foreach (CommandResult result in Enum.GetValues<CommandResult>())
            yield return new("iotpsk_commands_total", "Messages on command topics, by what became of them.", counters[result], "result", result.ToString());
    }
}
