using System.Globalization;
using System.Text;
using IotPsk.Keys;

namespace IotPsk.Bench;

/// <summary>An identity and its key, as clients that do not import have them.</summary>
internal sealed record Identity(string Name, byte[] Key);

/// <summary>The servers that are compared, each with the same number of identities.</summary>
internal static class Peers
{
    internal static Identity[] Make(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new Identity(string.Create(CultureInfo.InvariantCulture, $"device-{i:00000}"), System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)))];

    internal static ServerProcess Mosquitto(string directory, int port, Identity[] identities)
    {
        string keys = Path.Combine(directory, "mosquitto.psk"), configuration = Path.Combine(directory, "mosquitto.conf");
        File.WriteAllLines(keys, identities.Select(i => $"{i.Name}:{Convert.ToHexStringLower(i.Key)}"));
        File.WriteAllText(configuration, $"user root\nlistener {ServerProcess.Text(port)} 127.0.0.1\npsk_file {keys}\npsk_hint bench\nuse_identity_as_username true\nallow_anonymous false\nset_tcp_nodelay true\nlog_type none\n");
        return new ServerProcess("mosquitto", ["-c", configuration], port);
    }

    internal static ServerProcess PlainMosquitto(string directory, int port)
    {
        string configuration = Path.Combine(directory, "plain.conf");
        File.WriteAllText(configuration, $"user root\nlistener {ServerProcess.Text(port)} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\n");
        return new ServerProcess("mosquitto", ["-c", configuration], port);
    }

    internal static ServerProcess Stunnel(string directory, int port, int backend, Identity[] identities)
    {
        string keys = Path.Combine(directory, "stunnel.psk"), configuration = Path.Combine(directory, "stunnel.conf");
        File.WriteAllLines(keys, identities.Select(i => $"{i.Name}:{Convert.ToHexStringLower(i.Key)}"));
        File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(configuration, $"foreground = yes\npid =\ndebug = 0\n[bench]\naccept = 127.0.0.1:{ServerProcess.Text(port)}\nconnect = 127.0.0.1:{ServerProcess.Text(backend)}\nciphers = PSK\nPSKsecrets = {keys}\n");
        return new ServerProcess("stunnel", [configuration], port);
    }

    internal static ServerProcess OpenSsl(int port, Identity identity) => new("openssl",
        ["s_server", "-accept", ServerProcess.Text(port), "-nocert", "-psk", Convert.ToHexString(identity.Key), "-psk_identity", identity.Name,
         "-tls1_3", "-allow_no_dhe_kex", "-num_tickets", "0", "-quiet"], port);

    internal static ServerProcess Gnutls(string directory, int port, Identity[] identities)
    {
        string keys = Path.Combine(directory, "gnutls.psk");
        File.WriteAllLines(keys, identities.Select(i => $"{i.Name}:{Convert.ToHexStringLower(i.Key)}"));
        return new ServerProcess("gnutls-serv", ["--echo", "--quiet", "--port", ServerProcess.Text(port), "--pskpasswd", keys, "--priority", "NORMAL:-KX-ALL:+ECDHE-PSK:+PSK"], port);
    }

    internal static ServerProcess SoftwareTpm(string directory, int port) => new("swtpm",
        ["socket", "--tpm2", "--tpmstate", "dir=" + Directory.CreateDirectory(Path.Combine(directory, "tpm")).FullName,
         "--server", $"type=tcp,port={ServerProcess.Text(port)},bindaddr=127.0.0.1", "--ctrl", $"type=tcp,port={ServerProcess.Text(port + 1)},bindaddr=127.0.0.1",
         "--flags", "not-need-init,startup-clear"], port + 1);

    /// <summary>The gateway with a fleet of its own; the identities it gets come out of its TPM.</summary>
    internal static (ServerProcess Server, Identity[] Tls13, Identity[] Tls12) Gateway(string directory, int tpmPort, (int Mqtt, int Tunnel, int PskKe) ports, int broker, int backend, int count)
    {
        string tcti = $"swtpm:host=127.0.0.1,port={ServerProcess.Text(tpmPort)}", configuration = Path.Combine(directory, "iotpsk.json");
        StateDirectory state = StateDirectory.OpenOrCreate(Path.Combine(directory, "state"));
        using var tpm = new EsysTpm(tcti);
        FleetRecord fleet = FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "bench" });
        Identity[] tls13, tls12;
        using (IRegistry registry = RegistrySource.Sqlite(state).Open())
        {
            registry.EnrolMany(Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"device-{i:00000}")));
            tpm.Open();
            (tls13, tls12) = (Derive(KeyUse.External13), Derive(KeyUse.Psk12));

            Identity[] Derive(KeyUse use) => [.. registry.Devices.Select(device =>
            {
                using DeviceKey key = DeviceKey.Derive(tpm, fleet, device, use);
                return new Identity(key.ExternalIdentity, key.Key.ToArray());
            })];
        }
        File.WriteAllText(configuration, $$"""
            { "State": "{{state.Path}}", "Tpm": { "Tcti": "{{tcti}}" },
              "Listeners": [
                { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:{{ports.Mqtt}}", "Upstream": "tcp://127.0.0.1:{{broker}}" },
                { "Name": "tunnel", "Protocol": "tunnel", "Listen": "tcp://127.0.0.1:{{ports.Tunnel}}", "Upstream": "tcp://127.0.0.1:{{backend}}" },
                { "Name": "pskke", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:{{ports.PskKe}}", "Upstream": "tcp://127.0.0.1:{{broker}}", "AllowPskKe": true } ],
              "Limits": { "HandshakeSeconds": 60 },
              "Admin": { "Socket": "{{Path.Combine(directory, "admin.sock")}}", "Http": null } }
            """, new UTF8Encoding(false));
        return (new ServerProcess(GatewayProgram(), ["serve", "--config", configuration], ports.Mqtt), tls13, tls12);
    }

    internal static string GatewayProgram()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string program = Path.Combine(at.FullName, "gateway", "IotPsk.Gateway", "bin", "Release", "net10.0", "iotpsk");
            if (File.Exists(program))
                return program;
        }
        throw new FileNotFoundException("iotpsk is not built; run: make build");
    }
}
