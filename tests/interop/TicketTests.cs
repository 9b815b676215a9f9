using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Interop.Tests.Support;
using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.TestSupport;
using IotPsk.Tls;
using Microsoft.Extensions.Logging.Abstractions;

namespace IotPsk.Interop.Tests;

/// <summary>Session tickets of a whole gateway on a clock that stands still: what resumes, what no longer does, and that the key beside the ticket serves then.</summary>
public sealed class TicketTests : IAsyncLifetime, IDisposable
{
    private const string Device = "sensor-1";
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private readonly Swtpm _tpm;
    private readonly int[] _ports = [FreePorts.Take(), FreePorts.Take()];
    private GatewayService? _service;
    private PskTlsTicket? _ticket;

    public TicketTests() => _tpm = new Swtpm(_directory.Create("tpm"), Repository.LogDirectory("tickets"));

    private GatewayService Service => _service!;

    private string State => _directory.File("state");

    public async Task InitializeAsync()
    {
        StateDirectory state = StateDirectory.OpenOrCreate(State);
        using (var setup = new EsysTpm(_tpm.Tcti))
            FleetSetup.Init(state, setup, new FleetSetupOptions { ServerId = "gateway-01" });
        OtherProcess(registry => registry.EnrolMany([Device]));
        _echo.Start();
        _ = EchoAsync();
        await StartAsync();
    }

    public async Task DisposeAsync() => await Service.DisposeAsync();

    public void Dispose()
    {
        _ticket?.Dispose();
        _echo.Dispose();
        _tpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(KeyUse.External13, TlsProtocol.Tls13)]
    [InlineData(KeyUse.ImportedTls13Sha256, TlsProtocol.Tls13)]
    [InlineData(KeyUse.Psk12, TlsProtocol.Tls12)]
    public async Task A_ticket_resumes_the_session_of_its_device_again_and_again(KeyUse use, TlsProtocol version)
    {
        Assert.NotEqual(PskBinder.Resumption, (await VisitAsync(use)).Binder);
        for (int i = 1; i <= 3; i++)
        {
            PskTlsSession session = await VisitAsync(use);
            Assert.Equal((PskBinder.Resumption, version), (session.Binder, session.Version));
            Assert.Equal(i, Service.Events.Resumed);
        }
    }

    [Fact]
    public async Task A_resumed_session_has_forward_secrecy_and_costs_no_TPM_command()
    {
        await VisitAsync();
        long hmacs = Hmacs;
        Assert.Equal(PskKeyExchangeMode.PskDheKe, (await VisitAsync()).KeyExchangeMode);
        Assert.Equal(hmacs, Hmacs);
    }

    [Fact]
    public async Task No_tickets_come_with_ECDHE_PSK_for_they_would_undo_its_forward_secrecy()
    {
        await VisitAsync(KeyUse.Psk12, suite: CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256);
        Assert.Null(_ticket);
    }

    [Fact]
    public async Task After_a_restart_tickets_of_before_resume()
    {
        await VisitAsync();
        await Service.DisposeAsync();
        await StartAsync();
        long hmacs = Hmacs;
        Assert.Equal(PskBinder.Resumption, (await VisitAsync()).Binder);
        Assert.Equal(hmacs, Hmacs);
    }

    [Fact]
    public async Task A_revoked_device_cannot_resume()
    {
        await VisitAsync();
        await Service.RevokeAsync(Device);
        await Assert.ThrowsAsync<PskTlsException>(() => VisitAsync(ticketAlone: true));
        Poll.Until(() => Service.Events.FailedHandshakes.Contains(("one", "TicketRevokedDevice", 1L)), "the refusal is counted");
    }

    [Fact]
    public async Task A_ticket_is_for_its_listener_alone()
    {
        await VisitAsync();
        Assert.Equal(PskBinder.External, (await VisitAsync(port: _ports[1])).Binder);
    }

    [Fact]
    public async Task A_ticket_ends_with_its_hours_and_the_key_beside_it_serves()
    {
        await VisitAsync();
        Advance(TimeSpan.FromHours(23));
        Assert.Equal(PskBinder.Resumption, (await VisitAsync()).Binder);
        Advance(TimeSpan.FromHours(25));
        PskTlsSession session = await VisitAsync();
        Assert.Equal((PskBinder.External, 1), (session.Binder, session.IdentityIndex));
    }

    [Fact]
    public async Task A_changed_ticket_is_skipped()
    {
        await VisitAsync();
        Assert.Equal(PskBinder.External, (await VisitAsync(change: true)).Binder);
    }

    [Fact]
    public async Task Without_ticket_hours_none_are_made()
    {
        await Service.DisposeAsync();
        await StartAsync(hours: 0);
        await VisitAsync();
        Assert.Null(_ticket);
    }

    [Fact]
    public void Openssl_resumes_with_the_gateway_in_both_versions()
    {
        foreach ((string version, KeyUse use) in (ReadOnlySpan<(string, KeyUse)>)[("-tls1_3", KeyUse.External13), ("-tls1_2", KeyUse.Psk12)])
        {
            string file = _directory.File("session" + version), key = Convert.ToHexStringLower(Key(use));
            // A suite without ECDHE: only such sessions resume in TLS 1.2.
            string[] common = ["s_client", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_ports[0]}"), version, "-psk_identity", Device + "~1", "-psk", key,
                "-cipher", "PSK-AES128-GCM-SHA256", "-ign_eof"];
            long before = Service.Events.Resumed;
            using (ChildProcess first = Talk([.. common, "-sess_out", file], "the 1st echo"))
                Poll.Until(() => File.Exists(file) && new FileInfo(file).Length > 0, "openssl keeps the session");
            using (Talk([.. common, "-sess_in", file], "the 2nd echo"))
                Assert.Equal(before + 1, Service.Events.Resumed);
        }
    }

    private long Hmacs => Service.Tpm.Counters[TpmCommand.Hmac];

    // The hourly look at the keys goes through the TPM, which lives in another time.
    private void Advance(TimeSpan span)
    {
        long before = Hmacs;
        TimeSpan left = span;
        Poll.Until(() =>
        {
            if (Hmacs > before)
                return true;
            // In steps: the last look may be over and the next one not yet set on the clock.
            TimeSpan step = left > TimeSpan.FromHours(1) ? TimeSpan.FromMinutes(10) : TimeSpan.Zero;
            left -= step;
            _time.Advance(step);
            return false;
        }, "the ticket keys are looked at");
        _time.Advance(left);
    }

    private static ChildProcess Talk(string[] arguments, string text)
    {
        ChildProcess client = ChildProcess.Start("openssl", arguments);
        client.Input.Write(Encoding.ASCII.GetBytes(text + "\n"));
        client.Input.Flush();
        client.WaitForLine(line => line.Contains(text, StringComparison.Ordinal), "the echo of " + text);
        return client;
    }

    private async Task StartAsync(int hours = 24) => _service = await GatewayService.StartAsync(new GatewayConfiguration
    {
        State = State,
        Tpm = new TpmConfiguration { Tcti = _tpm.Tcti },
        Limits = new LimitsConfiguration { TicketHours = hours },
        Listeners = [Listener("one", _ports[0]), Listener("two", _ports[1])],
    }, NullLogger.Instance, _time);

    private ListenerConfiguration Listener(string name, int port) => new()
    {
        Name = name,
        Protocol = ListenerProtocol.Tunnel,
        Listen = new EndpointAddress("tcp", "127.0.0.1", port),
        Upstream = new EndpointAddress("tcp", "127.0.0.1", ((IPEndPoint)_echo.LocalEndpoint).Port),
    };

    /// <summary>Connects with the ticket of the last visit, if there is one, and the key beside it; exchanges data and keeps the new ticket.</summary>
    private async Task<PskTlsSession> VisitAsync(KeyUse use = KeyUse.External13, int? port = null, bool ticketAlone = false, bool change = false, CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)
    {
        var credentials = new List<PskTlsCredential>();
        bool is12 = use == KeyUse.Psk12;
        if (_ticket is not null && !is12)
            credentials.Add(change ? new PskTlsCredential([.. _ticket.Ticket[..^1], (byte)(_ticket.Ticket[^1] ^ 1)], new byte[32], PskBinder.Resumption, TlsHash.Sha256) : _ticket.ToCredential(0));
        if (!ticketAlone)
            credentials.Add(new PskTlsCredential(CanonicalIdentity.Encode(new KeyId(Device, 1, use), "gateway-01"), Key(use), use.IsImported() ? PskBinder.Imported : PskBinder.External, TlsHash.Sha256));
        var client = new PskTlsClient(new PskTlsClientOptions
        {
            Credentials = credentials,
            Versions = [is12 ? TlsProtocol.Tls12 : TlsProtocol.Tls13],
            Tls12CipherSuites = [suite],
            Tls12Ticket = is12 ? _ticket : null,
        });
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port ?? _ports[0]);
        await using var stream = new PskTlsStream(tcp.GetStream(), client);
        await stream.AuthenticateAsync();
        byte[] said = "temperature"u8.ToArray(), heard = new byte[said.Length];
        await stream.WriteAsync(said);
        await stream.ReadExactlyAsync(heard);
        Assert.Equal(said, heard);
        // In TLS 1.2 a resumed session goes on with the ticket it has.
        if (client.TryTakeTicket(out PskTlsTicket? ticket) || !is12)
        {
            _ticket?.Dispose();
            _ticket = ticket;
        }
        credentials.ForEach(credential => credential.Dispose());
        return stream.Session!;
    }

    private byte[] Key(KeyUse use)
    {
        byte[] key = [];
        OtherProcess(registry =>
        {
            using var tpm = new EsysTpm(_tpm.Tcti);
            tpm.Open();
            using DeviceKey derived = DeviceKey.Derive(tpm, registry.RequireFleet(), registry.Find(Device)!, use);
            key = derived.Key.ToArray();
        });
        return key;
    }

    private void OtherProcess(Action<IRegistry> work)
    {
        using IRegistry registry = RegistrySource.Sqlite(StateDirectory.Open(State)).Open();
        work(registry);
    }

    private async Task EchoAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _echo.AcceptSocketAsync();
                _ = Task.Run(async () =>
                {
                    using var stream = new NetworkStream(socket, ownsSocket: true);
                    await stream.CopyToAsync(stream);
                });
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
