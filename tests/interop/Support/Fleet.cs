using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Interop.Tests.Support;

/// <summary>A lab whose fleet is made and whose gateway serves.</summary>
public sealed class Fleet : IDisposable
{
    private static int s_message;

    public Fleet() : this(null)
    {
    }

    /// <param name="prepare">Changes the configuration before the gateway starts.</param>
    internal Fleet(Action<Lab>? prepare)
    {
        Lab = new Lab();
        prepare?.Invoke(Lab);
        Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        Enroll("good-1");
        Gateway.Start();
        Assert.True(Serves("good-1"));
    }

    internal Lab Lab { get; }

    internal GatewayProcess Gateway => Lab.Gateway;

    internal string FleetKeyHandle => Gateway.MustJson("fleet", "status")["epochs"]![0]!["handle"]!.GetValue<string>();

    internal void Enroll(string device) => Gateway.Must("device", "enroll", device);

    /// <summary>Enrols a device and gives what a client that does not import needs; <paramref name="use"/> is tls13 or tls12.</summary>
    internal (string Identity, string Key) NewDevice(string device, string use)
    {
        Enroll(device);
        string[] csv = Gateway.Must("device", "credentials", device, "--for", use, "--format", "csv").Trim().Split(',');
        return (csv[0], csv[1]);
    }

    /// <summary>Enrols many as another process does, and waits until the gateway has seen it.</summary>
    internal void EnrollMany(IReadOnlyCollection<string> devices)
    {
        double before = Gateway.Metric("iotpsk_devices");
        using (IRegistry registry = RegistrySource.Sqlite(StateDirectory.Open(Gateway.State)).Open())
            registry.EnrolMany(devices);
        Poll.Until(() => Gateway.Metric("iotpsk_devices") >= before + devices.Count, "the gateway sees the devices");
    }

    /// <summary>The file of a device's bundle, made on first use.</summary>
    internal string BundleFile(string device)
    {
        string file = Lab.Directory.File(device + ".cred");
        if (!File.Exists(file))
            Gateway.Must("device", "credentials", device, "--for", "imported", "--format", "bundle", "-o", file);
        return file;
    }

    /// <summary>A bundle like the device's, changed.</summary>
    internal string ChangedBundle(string device, Action<CredentialBundle> change)
    {
        byte[] content = File.ReadAllBytes(BundleFile(device));
        CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
        change(bundle);
        string file = Lab.Directory.File($"{device}-{Interlocked.Increment(ref s_message)}.cred");
        File.WriteAllBytes(file, bundle.Encode());
        return file;
    }

    /// <summary>What the credentials verb prints for openssl, as separate arguments.</summary>
    internal string[] OpensslArguments(string device) =>
        Gateway.Must("device", "credentials", device, "--for", "tls13", "--format", "openssl").Trim().Split(' ');

    internal static string NewPayload() => "payload-" + Interlocked.Increment(ref s_message).ToString(CultureInfo.InvariantCulture);

    /// <summary>The device's C core, with this on its standard input.</summary>
    internal CommandResult Core(string bundle, byte[] input, bool externalBinder = false) =>
        ChildProcess.Run(Path.Combine(Repository.NativeBuild, externalBinder ? "iotpsk-psk-client-extbinder" : "iotpsk-psk-client"),
            // It ends when the broker does; until then it listens, on a busy machine for long.
            ["127.0.0.1", Gateway.Port.ToString(CultureInfo.InvariantCulture), "--bundle", bundle, "--wait", "10000"], input: input);

    /// <summary>The device's C core over DTLS with one request, a line, until a line with <paramref name="words"/> has come back.</summary>
    internal static CommandResult AskByDatagram(int port, string bundle, byte[] request, string words, params string[] options)
    {
        using ChildProcess core = ChildProcess.Start(Path.Combine(Repository.NativeBuild, "iotpsk-psk-client"),
            ["127.0.0.1", port.ToString(CultureInfo.InvariantCulture), "--bundle", bundle, "--dtls", "--first-timeout", "2000", "--timeout", "30000", "--wait", "0", .. options]);
        core.Input.Write(request);
        core.Input.Flush();
        core.WaitForLine(line => line.EndsWith(words, StringComparison.Ordinal), "the answer to " + words);
        core.Input.Close();
        return new CommandResult(core.WaitForExit(), string.Join('\n', core.Lines), "");
    }

    /// <summary>Whether a device still gets a message to the broker.</summary>
    internal bool Serves(string device)
    {
        CommandResult result = Core(BundleFile(device), MqttBytes.Visit(device, NewPayload()));
        return result.ExitCode == 0 && result.Output == " \u0002\0\0@\u0002\0\u0001";
    }

    /// <summary>What the log says about one failure: one warning, with these words, and a good device is served after it.</summary>
    internal string ToldOnce(int mark, params string[] words)
    {
        string line = Gateway.WaitForLog(mark, words);
        int served = Gateway.Mark();
        Assert.True(Serves("good-1"), "a good device is served");
        // The log is in order: a second line about the failure would stand before this one.
        Gateway.WaitForLog(served, "of good-1 ", "opened on");
        // 1401 is the gateway's own session with the broker, which ends with it.
        Assert.Equal(line, Assert.Single(Gateway.Process.Lines.Skip(mark),
            each => each.Contains(" warn: ", StringComparison.Ordinal) && !each.Contains("[1401]", StringComparison.Ordinal)));
        return line;
    }

    /// <summary>The C core with a session that it keeps; it ends with 0 when it hears close_notify and with 1 when the stream is cut off.</summary>
    internal ChildProcess HoldCore(string device)
    {
        ChildProcess client = ChildProcess.Start(Path.Combine(Repository.NativeBuild, "iotpsk-psk-client"),
            ["127.0.0.1", Gateway.Port.ToString(CultureInfo.InvariantCulture), "--bundle", BundleFile(device)]);
        client.Input.Write(MqttBytes.Connect());
        client.Input.Flush();
        client.WaitForLine(line => line.StartsWith("connected ", StringComparison.Ordinal), "the C core is connected");
        return client;
    }

    internal ChildProcess HoldOpenssl(params string[] arguments)
    {
        ChildProcess client = ChildProcess.Start("openssl",
            ["s_client", "-quiet", "-connect", Gateway.Address, .. arguments]);
        client.Input.Write(MqttBytes.Connect());
        client.Input.Flush();
        return client;
    }

    /// <summary>A visit of a device, after which its sessions since <paramref name="mark"/> are this many and none of them used the TPM.</summary>
    internal void ToldOpened(int mark, string device, int sessions)
    {
        Assert.True(Serves(device), device + " is served");
        string[] opened = [];
        Poll.Until(() => (opened = [.. Gateway.Process.Lines.Skip(mark).Where(line => line.Contains($" of {device} (", StringComparison.Ordinal) && line.Contains("opened on", StringComparison.Ordinal))]).Length >= sessions,
            $"the log has {sessions} sessions of {device}");
        Assert.Equal(sessions, opened.Length);
        Assert.All(opened, line => Assert.EndsWith(" 0 TPM commands", line, StringComparison.Ordinal));
    }

    /// <summary>TPM commands of every kind, by the gateway's own count.</summary>
    internal double TpmCommands => Gateway.Metric("iotpsk_tpm_commands_total");

    internal double HmacCommands => Gateway.Metric("iotpsk_tpm_commands_total", "command=\"Hmac\"");

    /// <summary>HMAC by the fleet key, computed with tpm2_hmac over the derivation input of DESIGN: label 00 id 01.</summary>
    internal byte[] FleetHmac(string label, string device)
    {
        string message = Lab.Directory.File("hmac-input");
        File.WriteAllBytes(message, [.. Encoding.ASCII.GetBytes(label), 0, .. Encoding.ASCII.GetBytes(device), 1]);
        CommandResult hmac = Lab.Tpm.Tool("hmac", "-c", FleetKeyHandle, "-g", "sha256", "--hex", message);
        Assert.True(hmac.ExitCode == 0, hmac.ToString());
        return Convert.FromHexString(hmac.Output.Trim());
    }

    /// <summary>The import of RFC 9258 s5.1 for TLS 1.3 and SHA-256, by the BCL alone.</summary>
    internal static byte[] Import(byte[] epsk, byte[] importedIdentity)
    {
        byte[] label = Encoding.ASCII.GetBytes("tls13 derived psk"), context = SHA256.HashData(importedIdentity);
        byte[] info = [0, 32, (byte)label.Length, .. label, (byte)context.Length, .. context];
        return HKDF.Expand(HashAlgorithmName.SHA256, HKDF.Extract(HashAlgorithmName.SHA256, epsk, new byte[32]), 32, info);
    }

    internal JsonNode? SessionOf(string device) => Gateway.Sessions().FirstOrDefault(session => session!["device"]!.GetValue<string>() == device);

    public void Dispose() => Lab.Dispose();
}
