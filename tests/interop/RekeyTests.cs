using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Net;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>The gateway's half of iotpsk-rekey/1: who gets a new key over a session that the old one opened, and who does not.</summary>
public sealed class RekeyTests : IDisposable
{
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public async Task A_device_gets_the_bundle_that_credentials_would_write_and_the_old_key_serves_until_it_is_retired()
    {
        Provision("dev-1");
        Gateway.Must("fleet", "rotate");
        int mark = Gateway.Mark();

        (RekeyCode code, byte[] bundle) = await AskAsync("dev-1");

        Assert.Equal(RekeyCode.Granted, code);
        string written = _fleet.Lab.Directory.File("dev-1-new.cred");
        Gateway.Must("device", "credentials", "dev-1", "--for", "imported", "--format", "bundle", "-o", written);
        Assert.Equal(File.ReadAllBytes(written), bundle);
        Gateway.WaitForLog(mark, "was given the key of epoch 2 on the strength of that of epoch 1", "info");
        Assert.Equal(1, Gateway.Metric("iotpsk_rekeys_total", "Granted"));
        Assert.Equal(0, _fleet.Core(written, MqttBytes.Visit("dev-1", "new")).ExitCode);
        Assert.True(_fleet.Serves("dev-1"));
        Gateway.Must("fleet", "retire", "1");
        Assert.False(_fleet.Serves("dev-1"));
        Assert.Equal(0, _fleet.Core(written, MqttBytes.Visit("dev-1", "new")).ExitCode);
        // The retired key opens no session that could ask.
        await Assert.ThrowsAsync<PskTlsException>(() => AskAsync("dev-1"));
    }

    [Fact]
    public async Task Once_an_hour_and_device_whatever_listener_is_asked_and_however_often_the_gateway_starts()
    {
        Provision("dev-1", "dev-2");
        Gateway.Must("fleet", "rotate");
        RekeyCode[] codes = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i => (await AskAsync("dev-1", port: i % 2 == 0 ? Gateway.Port : Gateway.TunnelPort)).Code));
        Assert.Equal(1, codes.Count(code => code == RekeyCode.Granted));
        Assert.All(codes, code => Assert.True(code is RekeyCode.Granted or RekeyCode.TooSoon or RekeyCode.Later, code.ToString()));
        Assert.Equal(RekeyCode.TooSoon, await CodeAsync("dev-1"));

        Gateway.Stop();
        Gateway.Start();

        Assert.Equal(RekeyCode.TooSoon, await CodeAsync("dev-1"));
        Assert.Equal(RekeyCode.Granted, await CodeAsync("dev-2"));
        double hmacs = _fleet.HmacCommands;
        Assert.Equal(RekeyCode.TooSoon, await CodeAsync("dev-2"));
        Assert.Equal(hmacs, _fleet.HmacCommands);
    }

    [Fact]
    public async Task A_key_that_others_know_brings_no_new_one_and_the_newest_needs_none()
    {
        Provision("dev-1");
        Assert.Equal(RekeyCode.Current, await CodeAsync("dev-1"));

        Gateway.Must("fleet", "rotate", "--compromised");

        Assert.Equal(RekeyCode.Compromised, await CodeAsync("dev-1"));
        Assert.True(_fleet.Serves("dev-1"));
        // Nor does it after a further rotation.
        Gateway.Must("fleet", "rotate");
        Assert.Equal(RekeyCode.Compromised, await CodeAsync("dev-1"));
    }

    [Fact]
    public async Task Tickets_hang_on_the_newest_key_as_soon_as_there_is_one()
    {
        // Who knows the fleet key that their key is wrapped under could make tickets of every device, also of those that have new keys.
        Provision("dev-1");
        string before = await TicketKeyAsync();
        Assert.Equal(before, await TicketKeyAsync());

        Gateway.Must("fleet", "rotate", "--compromised");

        for (int tries = 0; await TicketKeyAsync() == before; tries++)
        {
            Assert.True(tries < 100, "tickets are still sealed under the key of before");
            await Task.Delay(100);
        }

        async Task<string> TicketKeyAsync()
        {
            Visit visit = await OurClient.AskAsync(Gateway.Port, new PskTlsClientOptions { Credentials = [Imported("dev-1")] }, MqttBytes.Visit("dev-1", "for a ticket"), 4);
            using PskTlsTicket ticket = visit.Ticket!;
            return Convert.ToHexString(ticket.Ticket.Slice(2, TicketKey.NameLength));
        }
    }

    [Fact]
    public async Task No_session_less_safe_than_the_new_key_brings_it()
    {
        Provision("dev-1");
        string[] csv = Gateway.Must("device", "credentials", "dev-1", "--for", "tls13", "--format", "csv").Trim().Split(',');
        var stock = new PskTlsCredential(Encoding.ASCII.GetBytes(csv[0]), Convert.FromHexString(csv[1]), PskBinder.External, TlsHash.Sha256);
        CredentialBundle bundle = Read("dev-1");
        var legacy = new PskTlsCredential(bundle.Tls12Identity, bundle.Tls12Key, PskBinder.External, TlsHash.Sha256);
        Gateway.Must("fleet", "rotate");

        Assert.Equal(RekeyCode.Unfit, (await AskAsync("dev-1", port: Gateway.TunnelPort, mode: PskKeyExchangeMode.PskKe)).Code);
        Assert.Equal(RekeyCode.Unfit, (await AskAsync("dev-1", stock)).Code);
        Assert.Equal(RekeyCode.Unfit, (await AskAsync("dev-1", legacy, version: TlsProtocol.Tls12)).Code);
        Visit visit = await OurClient.AskAsync(Gateway.Port, new PskTlsClientOptions { Credentials = [Imported("dev-1")] }, MqttBytes.Visit("dev-1", "for a ticket"), 4);
        using PskTlsTicket ticket = visit.Ticket!;
        Assert.Equal(RekeyCode.Unfit, (await AskAsync("dev-1", ticket.ToCredential(0))).Code);
        Assert.Equal(RekeyCode.Granted, await CodeAsync("dev-1"));
    }

    [Fact]
    public async Task Who_asks_in_another_name_or_says_nothing_sensible_gets_nothing()
    {
        Provision("dev-1", "dev-2");
        Gateway.Must("device", "enroll", "res-1", "--mode", "resident", "--format", "bundle", "-o", _fleet.Lab.Directory.File("res-1.cred"));
        Gateway.Must("fleet", "rotate");
        byte[] own = RekeyMessage.EncodeRequest(Public("dev-1")), other = RekeyMessage.EncodeRequest(Public("dev-2"));

        Assert.Equal(RekeyCode.Unfit, await CodeAsync("res-1"));
        foreach (byte[] request in (byte[][])[other, [0, 0], [255, 255, 1, 2, 3], [.. own[..2], .. new byte[own.Length - 2]]])
            Assert.Equal(RekeyCode.BadRequest, (await AskAsync("dev-1", request: request)).Code);
        Assert.Equal(RekeyCode.Granted, (await AskAsync("dev-1", request: [.. own, 1, 2, 3])).Code);
        Gateway.Must("device", "revoke", "dev-2");
        await Assert.ThrowsAsync<PskTlsException>(() => AskAsync("dev-2"));
    }

    [Fact]
    public async Task Other_application_protocols_and_none_are_between_client_and_broker_as_ever()
    {
        PskTlsCredential credential = Imported("good-1");
        foreach (string[] protocols in (string[][])[[], ["mqtt"], ["x-amzn-mqtt-ca", "h2"], ["iotpsk-rekey/2"]])
        {
            Visit visit = await OurClient.AskAsync(Gateway.Port, new PskTlsClientOptions { Credentials = [credential], ApplicationProtocols = Names(protocols) },
                MqttBytes.Visit("good-1", "hello"), 4);
            Assert.True(visit.Session.ApplicationProtocol.IsEmpty);
            visit.Ticket?.Dispose();
        }
    }

    private void Provision(params string[] devices)
    {
        foreach (string device in devices)
        {
            _fleet.Enroll(device);
            _ = _fleet.BundleFile(device);
        }
    }

    private async Task<RekeyCode> CodeAsync(string device) => (await AskAsync(device)).Code;

    private static ReadOnlyMemory<byte>[] Names(params string[] protocols) => [.. protocols.Select(name => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(name))];

    private CredentialBundle Read(string device)
    {
        byte[] content = File.ReadAllBytes(_fleet.BundleFile(device));
        return CredentialBundle.Decode(content, 0, content.Length);
    }

    private CredentialBundle Public(string device)
    {
        CredentialBundle bundle = Read(device);
        bundle.Clear();
        return bundle;
    }

    private PskTlsCredential Imported(string device)
    {
        CredentialBundle bundle = Read(device);
        return new PskTlsCredential(bundle.Tls13Identity, bundle.Tls13Key, PskBinder.Imported, TlsHash.Sha256);
    }

    private async Task<(RekeyCode Code, byte[] Bundle)> AskAsync(string device, PskTlsCredential? credential = null, byte[]? request = null, int? port = null,
        PskKeyExchangeMode mode = PskKeyExchangeMode.PskDheKe, TlsProtocol version = TlsProtocol.Tls13)
    {
        using var limit = new CancellationTokenSource(Poll.Patience);
        using var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(IPAddress.Loopback, port ?? Gateway.Port, limit.Token);
        var client = new PskTlsClient(new PskTlsClientOptions
        {
            Credentials = [credential ?? Imported(device)],
            Versions = [version],
            KeyExchangeModes = [mode],
            ApplicationProtocols = Names(RekeyMessage.Protocol),
        });
        await using var stream = new PskTlsStream(tcp.GetStream(), client);
        await stream.AuthenticateAsync(cancellation: limit.Token);
        Assert.Equal(RekeyMessage.Protocol, Encoding.ASCII.GetString(stream.Session!.ApplicationProtocol.Span));
        await stream.WriteAsync(request ?? RekeyMessage.EncodeRequest(Public(device)), limit.Token);
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, limit.Token);                  // to close_notify
        byte[] bytes = answer.ToArray();
        Assert.Equal(bytes.Length - 3, (bytes[1] << 8) | bytes[2]);
        return ((RekeyCode)bytes[0], bytes[3..]);
    }
}
