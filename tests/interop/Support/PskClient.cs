using System.Globalization;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Clients of other makes.</summary>
internal static class PskClient
{
    /// <summary>gnutls-cli, connected; the priority is what comes after the forbidden versions.</summary>
    public static ChildProcess Gnutls(int port, string identity, string key, string priority, params string[] more)
    {
        ChildProcess client = ChildProcess.Start("gnutls-cli", ["--port", Text(port), "--pskusername", identity, "--pskkey", key, "--inline-commands",
            "--priority", "NORMAL:-VERS-ALL:" + priority, .. more, "127.0.0.1"]);
        client.WaitForLine(line => line.Contains("Handshake was completed", StringComparison.Ordinal), "gnutls-cli is connected");
        return client;
    }

    /// <summary>Node sends, and prints what comes back in hex; then, with <paramref name="again"/>, the same in a second connection with the session of the first.</summary>
    public static CommandResult Node(int port, string version, string ciphers, string identity, string key, byte[] request, bool again = false)
    {
        CommandResult result = ChildProcess.Run("node", ["-e", $$"""
            const tls = require('tls');
            let session;
            function visit(then) {
              const socket = tls.connect({ host: '127.0.0.1', port: {{Text(port)}}, minVersion: '{{version}}', maxVersion: '{{version}}', checkServerIdentity: () => undefined, session,
                {{(ciphers.Length > 0 ? $"ciphers: '{ciphers}'," : "")}} pskCallback: () => ({ identity: '{{identity}}', psk: Buffer.from('{{key}}', 'hex') }) },
                () => socket.write(Buffer.from('{{Convert.ToHexString(request)}}', 'hex')));
              socket.on('session', given => session = given);
              socket.on('data', data => process.stdout.write(data.toString('hex')));
              socket.on('error', error => { console.error(error.message); process.exitCode = 1; });
              socket.on('close', then);
            }
            visit(() => { if ({{(again ? "true" : "false")}}) visit(() => {}); });
            """]);
        Succeeds(result);
        return result;
    }

    public static void Succeeds(CommandResult result) => Assert.True(result.ExitCode == 0, result.ToString());

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
