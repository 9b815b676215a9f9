using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Keys;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving;

/// <summary>Every number of a running gateway, as /metrics and the admin socket tell them.</summary>
internal static class GatewayMetrics
{
    internal static IEnumerable<Metric> Read(GatewayService service) =>
        Read(service, service.ReadMetrics(), service.ReadDatagramMetrics());

    private static IEnumerable<Metric> Read(GatewayService service, NetMetrics net, DatagramMetrics datagrams) =>
    [
        .. Process(service), .. ProcessMetrics.Read(), .. Connections(net, service.Events), .. Sessions(net, datagrams, service.Events), .. Datagrams(datagrams),
        .. Lwm2mNumbers(service.Lwm2m), .. KeyNumbers(service), .. TpmNumbers(service.Tpm), .. TelemetryMetrics.Read(service.Telemetry),
    ];

    private static IEnumerable<Metric> Process(GatewayService service)
    {
        yield return new("iotpsk_info", "1, with the version of this program.", 1, "version", typeof(GatewayMetrics).Assembly.GetName().Version!.ToString(3));
        yield return new("iotpsk_start_time_seconds", "When it was ready, in seconds since 1970.", service.StartedAt.ToUnixTimeSeconds());
        yield return new("iotpsk_reloads_total", "Configurations read while it ran.", service.Events.Reloads.Done, "result", "Done");
        yield return new("iotpsk_reloads_total", "Configurations read while it ran.", service.Events.Reloads.Refused, "result", "Refused");
    }

    private static IEnumerable<Metric> Connections(NetMetrics net, EventCounters events)
    {
        yield return new("iotpsk_connections", "Connections now, in any state.", net.Connections);
        yield return new("iotpsk_handshakes_in_progress", "Connections now whose handshake is not done.", net.HalfOpen);
        yield return new("iotpsk_connections_accepted_total", "Connections admitted.", net.Accepted);
        foreach (RefusalReason reason in Enum.GetValues<RefusalReason>())
            yield return new("iotpsk_connections_refused_total", "Connections closed unheard.", events[reason], "reason", reason.ToString());
        foreach ((string listener, long count) in events.CompletedHandshakes.OrderBy(c => c.Listener, StringComparer.Ordinal))
            yield return new("iotpsk_handshakes_completed_total", "Handshakes done.", count, "listener", listener);
        foreach ((string listener, string reason, long count) in events.FailedHandshakes.OrderBy(f => f, Comparer<(string, string, long)>.Default))
            yield return new("iotpsk_handshakes_failed_total", "Handshakes that failed.", count, "listener", listener, "reason", reason);
    }

    private static IEnumerable<Metric> Sessions(NetMetrics net, DatagramMetrics datagrams, EventCounters events)
    {
        yield return new("iotpsk_sessions", "Sessions now, associations among them.", net.Sessions + datagrams.Sessions);
        yield return new("iotpsk_sessions_resumed_total", "Sessions that began with a ticket.", events.Resumed);
        foreach (CloseReason reason in Enum.GetValues<CloseReason>())
            yield return new("iotpsk_sessions_closed_total", "Sessions that ended.", events[reason], "reason", reason.ToString());
        foreach (MqttConnectRefusal reason in Enum.GetValues<MqttConnectRefusal>().Where(r => r is not (MqttConnectRefusal.None or MqttConnectRefusal.ServerUnavailable)))
            yield return new("iotpsk_mqtt_connects_refused_total", "CONNECT packets that did not go to the broker.", events[reason], "reason", reason.ToString());
        foreach ((string result, long count) in events.Rekeys.OrderBy(r => r.Result, StringComparer.Ordinal))
            yield return new("iotpsk_rekeys_total", "Devices that asked for the key of the newest epoch.", count, "result", result);
        yield return new("iotpsk_upstream_connects_total", "Upstream connections made.", net.UpstreamConnects);
        yield return new("iotpsk_upstream_failures_total", "Upstream connections that could not be made.", net.UpstreamFailures);
        yield return new("iotpsk_bytes_total", "Plaintext bytes passed on.", net.BytesUp, "direction", "up");
        yield return new("iotpsk_bytes_total", "Plaintext bytes passed on.", net.BytesDown, "direction", "down");
        yield return new("iotpsk_buffered_bytes", "Bytes in buffers of sessions now.", net.BufferedBytes);
        yield return new("iotpsk_faults_total", "Faults of this program.", net.Faults);
    }

    private static IEnumerable<Metric> Datagrams(DatagramMetrics datagrams)
    {
        const string Dropped = "Datagrams and records that were not taken.", Moves = "Devices heard from another address.";
        yield return new("iotpsk_associations", "DTLS associations now.", datagrams.Sessions);
        yield return new("iotpsk_associations_restored_total", "Associations taken over from before a restart.", datagrams.Restored);
        yield return new("iotpsk_association_handshakes_in_progress", "DTLS handshakes now.", datagrams.Accepted - datagrams.HandshakesCompleted - datagrams.HandshakesFailed);
        yield return new("iotpsk_cookies_sent_total", "Hellos answered by a cookie.", datagrams.CookiesSent);
        yield return new("iotpsk_datagrams_total", "Datagrams.", datagrams.Received, "direction", "in");
        yield return new("iotpsk_datagrams_total", "Datagrams.", datagrams.Sent, "direction", "out");
        yield return new("iotpsk_datagrams_unsent_total", "Datagrams the system did not take.", datagrams.SendsFailed);
        yield return new("iotpsk_datagrams_handed_over_total", "Datagrams passed on to another shard.", datagrams.HandedOver);
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.Oversized, "reason", "Oversized");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.Malformed, "reason", "Malformed");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.UnknownConnectionId, "reason", "UnknownConnectionId");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.UnknownAddress, "reason", "UnknownAddress");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.RecordsIgnored, "reason", "RecordIgnored");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.HellosIgnored, "reason", "HelloIgnored");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.HandOversDropped, "reason", "HandOverFull");
        yield return new("iotpsk_datagrams_dropped_total", Dropped, datagrams.PathLimited, "reason", "UnprovedAddress");
        yield return new("iotpsk_address_moves_total", Moves, datagrams.AddressMoves, "result", "Moved");
        yield return new("iotpsk_address_moves_total", Moves, datagrams.AddressesConfirmed, "result", "Confirmed");
        yield return new("iotpsk_address_moves_total", Moves, datagrams.AddressesRestored, "result", "Restored");
    }

    private static IEnumerable<Metric> Lwm2mNumbers(Lwm2mDevices devices)
    {
        yield return new("iotpsk_lwm2m_registrations", "LwM2M devices registered now.", devices.Count);
        yield return new("iotpsk_lwm2m_registrations_total", "Registrations and updates taken.", devices.Taken.Registered, "kind", "Registered");
        yield return new("iotpsk_lwm2m_registrations_total", "Registrations and updates taken.", devices.Taken.Updated, "kind", "Updated");
        foreach (RegistrationEnd reason in Enum.GetValues<RegistrationEnd>())
            yield return new("iotpsk_lwm2m_registrations_ended_total", "Registrations that ended.", devices.Ended(reason), "reason", reason.ToString());
        DirectoryCounters counters = devices.Directory.Counters;
        const string Values = "Notifications and sends of devices.";
        yield return new("iotpsk_lwm2m_values_total", Values, counters.Notifications, "result", "Notified");
        yield return new("iotpsk_lwm2m_values_total", Values, counters.Sends, "result", "Sent");
        yield return new("iotpsk_lwm2m_values_total", Values, counters.NotTaken, "result", "NotTaken");
        yield return new("iotpsk_lwm2m_values_total", Values, counters.Refused, "result", "Refused");
        yield return new("iotpsk_lwm2m_operations_open", "Operations that wait for devices now.", devices.Directory.Open);
        yield return new("iotpsk_lwm2m_firmware_updates", "Firmware updates under way.", devices.Firmware.Running);
        yield return new("iotpsk_lwm2m_firmware_updates_total", "Firmware updates that ended.", devices.Firmware.Ended.Succeeded, "result", "Updated");
        yield return new("iotpsk_lwm2m_firmware_updates_total", "Firmware updates that ended.", devices.Firmware.Ended.Failed, "result", "Failed");
        foreach (Lwm2mFailure failure in Enum.GetValues<Lwm2mFailure>())
            yield return new("iotpsk_lwm2m_operations_total", "Operations, by how they ended; None: the device answered.", counters.Ended(failure), "failure", failure.ToString());
    }

    private static IEnumerable<Metric> KeyNumbers(GatewayService service)
    {
        KeyServiceCounters keys = service.Keys.Counters;
        yield return new("iotpsk_devices", "Devices enrolled, revoked ones included.", service.Registry.DeviceCount);
        yield return new("iotpsk_keys_cached", "Keys in the cache that their devices proved.", service.Keys.CachedKeys);
        yield return new("iotpsk_keys_on_probation", "Keys in the cache that nobody proved yet.", service.Keys.ProbationKeys);
        yield return new("iotpsk_key_cache_hits_total", "Keys found in the cache.", keys.Hits);
        yield return new("iotpsk_key_cache_misses_total", "Keys not found in the cache.", keys.Misses);
        yield return new("iotpsk_key_requests_coalesced_total", "Requests that shared another one's TPM command.", keys.Coalesced);
        foreach (KeyStatus status in Enum.GetValues<KeyStatus>())
            yield return new("iotpsk_key_requests_total", "Requests that the cache could not answer, by how they ended.", keys[status], "result", status.ToString());
    }

    private static IEnumerable<Metric> TpmNumbers(TpmOwner tpm)
    {
        yield return new("iotpsk_tpm_ready", "1 while the TPM can be used.", tpm.Health.Ready ? 1 : 0);
        foreach (TpmCommand command in TpmCounters.Commands)
            yield return new("iotpsk_tpm_commands_total", "TPM commands sent.", tpm.Counters[command], "command", command.ToString());
        yield return new("iotpsk_tpm_commands_failed_total", "TPM commands that ended with an error.", tpm.Counters.Failed);
        yield return new("iotpsk_tpm_opened_total", "Times the TPM was opened.", tpm.OpenedCount);
        yield return new("iotpsk_tpm_queue_depth", "Requests waiting for the TPM now.", tpm.QueueDepth);
        yield return new("iotpsk_tpm_queue_full_total", "Requests refused because the TPM's queue was full.", tpm.QueueFullCount);
        yield return new("iotpsk_tpm_deadlines_total", "Requests the TPM did not answer in time.", tpm.DeadlineCount);
    }
}
