using System.Globalization;
using System.Text;
using IotPsk.Keys;

namespace IotPsk.Bench;

/// <summary>The CoAP servers that are compared.</summary>
internal static class DatagramPeers
{
    /// <summary>libcoap's server with one of its TLS libraries; one key for every identity. Echoes what is PUT.</summary>
    internal static ServerProcess Libcoap(string library, out int port, out Identity identity)
    {
        // It listens for DTLS beside the plain port, on the next one.
        int plain = ServerProcess.FreePort();
        port = plain + 1;
        const string Key = "0123456789abcdef0123456789abcdef";
        identity = new Identity("device-00000", Encoding.ASCII.GetBytes(Key));
        return new ServerProcess("coap-server-" + library, ["-A", "127.0.0.1", "-p", ServerProcess.Text(plain), "-k", Key, "-e", "-v", "1"], plain);
    }

    /// <summary>The gateway with a fleet of its own and as many devices as asked for.</summary>
    internal static void WithGateway(string directory, int devices, Action<ServerProcess, int, IReadOnlyList<Identity>> measure)
    {
        int tpmPort = ServerProcess.FreePort(), port = ServerProcess.FreePort(), http = ServerProcess.FreePort();
        using ServerProcess emulator = Peers.SoftwareTpm(directory, tpmPort);
        string tcti = $"swtpm:host=127.0.0.1,port={ServerProcess.Text(tpmPort)}", configuration = Path.Combine(directory, "iotpsk.json");
        StateDirectory state = StateDirectory.OpenOrCreate(Path.Combine(directory, "state"));
        Identity[] identities = Enrol(state, tcti, devices);
        File.WriteAllText(configuration, $$"""
            { "State": "{{state.Path}}", "Tpm": { "Tcti": "{{tcti}}" },
              "Listeners": [ { "Name": "lwm2m", "Protocol": "lwm2m", "Listen": "udp://127.0.0.1:{{port}}", "Echo": true } ],
              "Limits": { "HandshakeSeconds": 60 },
              "Admin": { "Socket": "{{Path.Combine(directory, "admin.sock")}}", "Http": "http://127.0.0.1:{{http}}" } }
            """, new UTF8Encoding(false));
        using var server = new ServerProcess(Peers.GatewayProgram(), ["serve", "--config", configuration], http);
        measure(server, port, identities);
    }

    private static Identity[] Enrol(StateDirectory state, string tcti, int devices)
    {
        using var tpm = new EsysTpm(tcti);
        FleetRecord fleet = FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "bench" });
        using IRegistry registry = RegistrySource.Sqlite(state).Open();
        registry.EnrolMany(Enumerable.Range(0, devices).Select(i => string.Create(CultureInfo.InvariantCulture, $"device-{i:000000}")));
        tpm.Open();
        return [.. registry.Devices.Select(device =>
        {
            using DeviceKey key = DeviceKey.Derive(tpm, fleet, device, KeyUse.Psk12);
            return new Identity(key.ExternalIdentity, key.Key.ToArray());
        })];
    }
}
