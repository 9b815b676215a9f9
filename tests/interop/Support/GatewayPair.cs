using System.Text.Json.Nodes;
using IotPsk.TestSupport;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>Two gateways with a TPM each, one shareable fleet, one PostgreSQL: one logical node. Both serve; openssl is the fleet's authority.</summary>
public sealed class GatewayPair : IDisposable
{
    internal const string ServerId = "pair";
    private static readonly byte[] Ask = "GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"u8.ToArray();
    private readonly TempDirectory _directory = new();
    private readonly TempDirectory _a = new(), _b = new();
    private readonly Swtpm _tpmA, _tpmB;

    public GatewayPair()
    {
        Server = new PostgresServer();
        Database = Server.CreateDatabase();
        string logs = Repository.LogDirectory("pair");
        _tpmA = new Swtpm(_directory.Create("tpm-a"), logs);
        _tpmB = new Swtpm(_directory.Create("tpm-b"), logs);
        A = Gateway(_a, System.IO.Directory.CreateDirectory(Path.Combine(logs, "a")).FullName, _tpmA);
        B = Gateway(_b, System.IO.Directory.CreateDirectory(Path.Combine(logs, "b")).FullName, _tpmB);
        Openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", F("authority.key"));
        Openssl("ec", "-in", F("authority.key"), "-pubout", "-out", F("authority.pub"));
        A.Must("fleet", "init", "--server-id", ServerId, "--shareable", "--authority", F("authority.pub"));
        TakeOver();
        A.Start();
        B.Start();
    }

    internal PostgresServer Server { get; }

    internal string Database { get; }

    internal GatewayProcess A { get; }

    internal GatewayProcess B { get; }

    internal string F(string name) => _directory.File(name);

    /// <summary>A directory, made on first use.</summary>
    internal string Directory(string name) => System.IO.Directory.CreateDirectory(F(name)).FullName;

    /// <summary>B takes the keys over that A has and it has not.</summary>
    internal string TakeOver()
    {
        foreach (string old in new[] { "b.srk", "to-sign", "export" })
            File.Delete(F(old));
        string fingerprint = B.MustJson("fleet", "srk-public", "-o", F("b.srk"))["fingerprint"]!.GetValue<string>();
        A.Must("fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "-o", F("to-sign"));
        Openssl("dgst", "-sha256", "-sign", F("authority.key"), "-out", F("signature"), F("to-sign"));
        A.Must("fleet", "export-to", F("b.srk"), "--fingerprint", fingerprint, "--signature", F("signature"), "-o", F("export"));
        return B.Must("fleet", "import", F("export"));
    }

    /// <summary>Identity and key of a device, by one of the gateways.</summary>
    internal static (string Identity, byte[] Key) Credential(GatewayProcess gateway, string device)
    {
        string[] csv = gateway.Must("device", "credentials", device, "--for", "tls13", "--format", "csv").Trim().Split(',');
        return (csv[0], Convert.FromHexString(csv[1]));
    }

    /// <summary>A session in which the device gets an answer; with a ticket, that alone is offered.</summary>
    internal static async Task<Visit> VisitAsync(GatewayProcess gateway, (string Identity, byte[] Key) credential, PskTlsTicket? ticket = null)
    {
        using PskTlsCredential offered = ticket?.ToCredential(0)
            ?? new PskTlsCredential(System.Text.Encoding.ASCII.GetBytes(credential.Identity), credential.Key, PskBinder.External, TlsHash.Sha256);
        return await OurClient.AskAsync(gateway.TunnelPort, new PskTlsClientOptions { Credentials = [offered], Versions = [TlsProtocol.Tls13] }, Ask, "HTTP/1.1 200".Length);
    }

    /// <summary>A session that stays; the process ends with it.</summary>
    internal static ChildProcess Hold(GatewayProcess gateway, (string Identity, byte[] Key) credential)
    {
        int mark = gateway.Mark();
        ChildProcess client = ChildProcess.Start("openssl",
            ["s_client", "-quiet", "-connect", $"127.0.0.1:{gateway.TunnelPort}", "-tls1_3", "-psk_identity", credential.Identity, "-psk", Convert.ToHexString(credential.Key)]);
        gateway.WaitForLog(mark, "opened on", $"of {credential.Identity.Split('~')[0]} ");
        return client;
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        _tpmA.Dispose();
        _tpmB.Dispose();
        Server.Dispose();
        _a.Dispose();
        _b.Dispose();
        _directory.Dispose();
    }

    private GatewayProcess Gateway(TempDirectory directory, string logs, Swtpm tpm)
    {
        // Nobody is a broker here.
        var gateway = new GatewayProcess(directory, logs, tpm.Tcti, FreePorts.Take());
        File.WriteAllText(directory.File("password"), Server.Password);
        File.SetUnixFileMode(directory.File("password"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        gateway.Configuration["Registry"] = new JsonObject { ["Postgres"] = Server.Connection(Database), ["PasswordFile"] = directory.File("password") };
        gateway.WriteConfiguration();
        return gateway;
    }

    private static void Openssl(params string[] arguments)
    {
        CommandResult result = ChildProcess.Run("openssl", arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
