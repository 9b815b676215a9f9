using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Keys;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Who reads all the memory of a serving gateway, or listens on the bus to its TPM: what of the devices' keys is there.</summary>
public sealed class MemoryDumpTests : IDisposable
{
    private const int Derived = 995, Resident = 5;
    private readonly Lab _lab = new();

    public void Dispose() => _lab.Dispose();

    private GatewayProcess Gateway => _lab.Gateway;

    [Fact]
    public async Task A_dump_after_a_thousand_handshakes_holds_no_key_that_others_are_imported_from()
    {
        (byte[][] external, byte[][] imported) = await ServeAsync();

        string dump = Dump();

        Assert.Empty(MemoryDump.Find(dump, external));
        // The search finds what is there: the cache holds what was imported, scattered over its parts but in one piece each.
        Assert.Equal(imported.Length, MemoryDump.Find(dump, imported).Count);
    }

    [Fact]
    public async Task A_gateway_that_overwrites_nothing_is_caught()
    {
        Gateway.Environment["DOTNET_STARTUP_HOOKS"] = Repository.KeepsSecrets;
        (byte[][] external, _) = await ServeAsync();
        // What is not overwritten on purpose is by chance, sooner or later: so the memory is looked at after further devices too.
        const int looks = 20;
        Gateway.Must("device", "enroll", "later-1", "--count", looks.ToString(CultureInfo.InvariantCulture));
        string[] devices = [.. Enumerable.Range(1, looks).Select(i => string.Create(CultureInfo.InvariantCulture, $"later-{i}"))];
        byte[][] later = ExternalKeys(devices);

        bool isCaught = MemoryDump.Find(Dump(), external).Count > 0;
        for (int i = 0; i < looks && !isCaught; i++)
        {
            await ConnectAsync(devices[i], "~1", later[i]);
            isCaught = MemoryDump.Find(Dump(), [.. external, .. later]).Count > 0;
        }

        Assert.True(isCaught);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Keys_cross_the_bus_to_the_TPM_encrypted_where_that_is_asked_for(bool encrypt)
    {
        string capture = _lab.Directory.File("tpm.pcapng");
        JsonObject tpm = Gateway.Configuration["Tpm"]!.AsObject();
        Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        Gateway.Must("device", "enroll", "d-1");
        byte[] external = ExternalKeys(["d-1"])[0];
        tpm["Tcti"] = TpmCapture.Tcti(_lab.Tpm.Tcti);
        tpm["EncryptSession"] = encrypt;
        Gateway.WriteConfiguration();
        Gateway.Environment[TpmCapture.FileVariable] = capture;
        Gateway.Start();
        int before = TpmCapture.Hmacs(capture);

        await ConnectAsync("d-1", "~1", external);

        Assert.Equal(1, TpmCapture.Hmacs(capture) - before);
        Assert.Equal(!encrypt, TpmCapture.Holds(capture, external));
    }

    /// <summary>A gateway that a thousand devices have visited, and which has nothing to do any longer.</summary>
    private async Task<(byte[][] External, byte[][] Imported)> ServeAsync()
    {
        Gateway.Must("fleet", "init", "--server-id", Lab.ServerId);
        string[] derived = [.. Enumerable.Range(1, Derived).Select(i => string.Create(CultureInfo.InvariantCulture, $"d-{i}"))];
        Gateway.Must("device", "enroll", "d-1", "--count", Derived.ToString(CultureInfo.InvariantCulture));
        var external = new List<byte[]>(ExternalKeys(derived));
        string[] resident = [.. Enumerable.Range(1, Resident).Select(i => string.Create(CultureInfo.InvariantCulture, $"r-{i}"))];
        foreach (string device in resident)
        {
            external.Add(RandomNumberGenerator.GetBytes(32));
            File.WriteAllBytes(_lab.Directory.File(device), external[^1]);
            Gateway.Must("device", "enroll", device, "--mode", "resident", "--key-file", _lab.Directory.File(device), "-o", _lab.Directory.File(device + ".csv"));
        }

        Gateway.Start();
        var imported = new byte[external.Count][];
        await Parallel.ForAsync(0, external.Count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
            imported[i] = i < Derived ? await ConnectAsync(derived[i], "~1", external[i]) : await ConnectAsync(resident[i - Derived], "~r", external[i]));
        Assert.Equal(external.Count, Gateway.Metric("iotpsk_handshakes_completed_total"));
        Poll.Until(() => Gateway.Metric("iotpsk_connections") == 0, "nobody is connected any longer", Gateway.Process.Tail);
        return ([.. external], imported);
    }

    /// <summary>One visit over TLS 1.3 with the key imported from the external one; the imported key.</summary>
    private async Task<byte[]> ConnectAsync(string device, string suffix, byte[] external)
    {
        byte[] identity = ClientHello.ImportedIdentity(device + suffix, device, Lab.ServerId), key = Fleet.Import(external, identity);
        using var credential = new PskTlsCredential(identity, key, PskBinder.Imported, TlsHash.Sha256);
        Visit visit = await OurClient.AskAsync(Gateway.TunnelPort, new PskTlsClientOptions { Credentials = [credential] }, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), 8);
        visit.Ticket?.Dispose();
        Assert.Equal("HTTP/1.1", visit.Reply);
        return key;
    }

    /// <summary>The fleet key's answers, by another user of the TPM than the gateway.</summary>
    private byte[][] ExternalKeys(string[] devices)
    {
        JsonNode epoch = Gateway.MustJson("fleet", "status")["epochs"]![0]!;
        var key = new TpmKeyReference(Convert.ToUInt32(epoch["handle"]!.GetValue<string>(), 16), Convert.FromHexString(epoch["name"]!.GetValue<string>()));
        using var tpm = new EsysTpm(_lab.Tpm.Tcti);
        tpm.Open();
        return [.. devices.Select(device =>
        {
            byte[] mac = new byte[32];
            tpm.Hmac(key, [.. "iotpsk epsk"u8, 0, .. Encoding.ASCII.GetBytes(device), 1], mac);
            return mac;
        })];
    }

    private string Dump()
    {
        string file = _lab.Directory.File("dump");
        File.Delete(file);
        MemoryDump.Take(Gateway.Process.Id, file);
        return file;
    }
}
