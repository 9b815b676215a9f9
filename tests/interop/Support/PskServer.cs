using System.Globalization;
using System.Text;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Servers of other makes, each with one identity, and the data exchange that shows them alive.</summary>
internal sealed class PskServer : IDisposable
{
    public const string Identity = "matrix-peer";
    public const string Key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private readonly TempDirectory _directory = new();
    private readonly List<ChildProcess> _processes = [];

    public int Port { get; } = FreePorts.Take();

    public byte[] Request { get; private init; } = [.. MqttBytes.Connect("c")];

    public string Reply { get; private init; } = " \u0002\0\0";

    /// <summary>Everything the server said.</summary>
    public IEnumerable<string> Lines => _processes.SelectMany(process => process.Lines);

    /// <summary>One of them, by its name in the matrix.</summary>
    /// <param name="name">Of the program.</param>
    /// <param name="version">As OpenSSL calls it.</param>
    /// <param name="pskKe">It takes psk_ke.</param>
    /// <param name="p256">It takes no other group than secp256r1.</param>
    public static PskServer Start(string name, string version = "TLSv1.3", bool pskKe = false, bool p256 = false) => name switch
    {
        "openssl" => OpenSsl(version, pskKe, p256),
        "gnutls" => Gnutls(version, pskKe, p256),
        "mosquitto" when !pskKe && !p256 => Mosquitto(),
        "stunnel" => Stunnel(version, (pskKe ? "options = ALLOW_NO_DHE_KEX\n" : "") + (p256 ? "curves = P-256\n" : "")),
        "node" => Node(version, (pskKe ? "secureOptions: 1024, " : "") + (p256 ? "ecdhCurve: 'P-256', " : "")),     // 1024: SSL_OP_ALLOW_NO_DHE_KEX
        "ssl_server2" => MbedTls(["force_version=" + version.Replace("TLSv1.", "tls1", StringComparison.Ordinal), .. pskKe ? (string[])["tls13_kex_modes=psk"] : [], .. p256 ? (string[])["groups=secp256r1"] : []]),
        _ => throw new ArgumentException(name, nameof(name)),
    };

    public static PskServer Mosquitto()
    {
        var server = new PskServer();
        server.StartMosquitto($"listener {Text(server.Port)} 127.0.0.1\npsk_file {server.Keys()}\npsk_hint test\n", server.Port);
        return server;
    }

    /// <summary>mbedTLS's ssl_server2, with records of 1024 bytes.</summary>
    public static PskServer MbedTls(params string[] arguments)
    {
        var server = new PskServer { Request = "GET / HTTP/1.0\r\n\r\n"u8.ToArray(), Reply = "HTTP/1.0 200 OK\r\n" };
        server.Run("Bind on", "stdbuf", ["-oL", Path.Combine(MbedTlsPrograms.Directory, "ssl_server2"), "server_addr=127.0.0.1", "server_port=" + Text(server.Port),
            "psk=" + Key, "psk_identity=" + Identity, .. arguments]);
        return server;
    }

    private static PskServer OpenSsl(string version, bool pskKe, bool p256)
    {
        var server = new PskServer { Request = "hello\n"u8.ToArray(), Reply = "olleh\n" };
        server.Run("ACCEPT", "openssl", ["s_server", "-accept", "127.0.0.1:" + Text(server.Port), "-nocert", "-psk_identity", Identity, "-psk", Key, "-rev",
            version == "TLSv1.3" ? "-tls1_3" : "-tls1_2", .. pskKe ? (string[])["-allow_no_dhe_kex"] : [], .. p256 ? (string[])["-groups", "P-256"] : []]);
        return server;
    }

    private static PskServer Gnutls(string version, bool pskKe, bool p256)
    {
        var server = new PskServer { Request = "hello\n"u8.ToArray(), Reply = "hello\n" };
        server.Run("listening on IPv4", "gnutls-serv", ["--echo", "--port", Text(server.Port), "--pskpasswd", server.Keys(),
            "--priority", $"NORMAL:-VERS-ALL:+VERS-{version.Replace("TLSv", "TLS", StringComparison.Ordinal)}:-KX-ALL:{(pskKe ? "+PSK" : "+ECDHE-PSK:+DHE-PSK:+PSK")}{(p256 ? ":-GROUP-ALL:+GROUP-SECP256R1" : "")}"]);
        return server;
    }

    // stunnel before a broker.
    private static PskServer Stunnel(string version, string more)
    {
        var server = new PskServer();
        int broker = FreePorts.Take();
        server.StartMosquitto($"listener {Text(broker)} 127.0.0.1\n", broker);
        server._processes.Add(StartStunnel(server._directory.Path, server.Keys(), $"accept = 127.0.0.1:{Text(server.Port)}\nconnect = 127.0.0.1:{Text(broker)}\nsslVersion = {version}\n{more}"));
        return server;
    }

    private static PskServer Node(string version, string more)
    {
        var server = new PskServer { Request = "hello"u8.ToArray(), Reply = "got hello" };
        server.Run("listening", "node", ["-e", $$"""
            const server = require('tls').createServer({ minVersion: '{{version}}', maxVersion: '{{version}}', {{(version == "TLSv1.2" ? "ciphers: 'PSK', " : "")}}{{more}}
              pskCallback: (socket, identity) => identity === '{{Identity}}' ? Buffer.from('{{Key}}', 'hex') : null },
              socket => { socket.on('data', data => socket.end('got ' + data)); socket.on('error', () => {}); });
            server.listen({{Text(server.Port)}}, '127.0.0.1', () => console.log('listening'));
            """]);
        return server;
    }

    /// <summary>stunnel with one service, client or server.</summary>
    public static ChildProcess StartStunnel(string directory, string keys, string service, string ciphers = "")
    {
        string configuration = Path.Combine(directory, "stunnel.conf");
        File.WriteAllText(configuration, $"foreground = yes\npid =\n[psk]\n{service}ciphers = {(ciphers.Length > 0 ? ciphers : "PSK")}\nPSKsecrets = {keys}\n", Encoding.ASCII);
        ChildProcess stunnel = ChildProcess.Start("stunnel", [configuration]);
        stunnel.WaitForLine(line => line.Contains("Configuration successful", StringComparison.Ordinal), "stunnel is configured");
        return stunnel;
    }

    /// <summary>A key file as mosquitto and stunnel read it.</summary>
    public static string KeyFile(string directory, string identity, string key)
    {
        string file = Path.Combine(directory, "keys");
        File.WriteAllText(file, $"{identity}:{key}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    public void Dispose()
    {
        foreach (ChildProcess process in _processes)
            process.Dispose();
        _directory.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private void Run(string ready, string program, IEnumerable<string> arguments)
    {
        ChildProcess process = ChildProcess.Start(program, arguments);
        _processes.Add(process);
        process.WaitForLine(line => line.Contains(ready, StringComparison.Ordinal), program + " listens");
    }

    private string Keys() => KeyFile(_directory.Path, Identity, Key);

    private void StartMosquitto(string listener, int port)
    {
        string configuration = _directory.File("mosquitto.conf");
        File.WriteAllText(configuration, $"user root\n{listener}allow_anonymous true\nlog_type all\nlog_dest stdout\n");
        ChildProcess broker = ChildProcess.Start("stdbuf", ["-oL", "mosquitto", "-c", configuration]);
        _processes.Add(broker);
        Poll.Until(() => RawConnection.Answers(port), "mosquitto listens", broker.Tail);
    }
}
