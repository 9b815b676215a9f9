using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Associations of DTLS over a restart of the gateway: they go on without a handshake, once.</summary>
public sealed class AssociationRestartTests : IDisposable
{
    private readonly Fleet _fleet = new();
    private readonly List<OurDtlsClient> _clients = [];
    private int _messageId;

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _fleet.Dispose();
    }

    private GatewayProcess Gateway => _fleet.Gateway;

    private string Snapshot => Path.Combine(Gateway.State, "associations-lwm2m.sealed");

    [Fact]
    public void After_a_graceful_restart_devices_send_data_without_a_handshake_but_for_those_revoked_meanwhile()
    {
        for (int i = 0; i < 6; i++)
            Ping(Connect("kept-" + i, connectionId: i % 2 == 0));
        OurDtlsClient revoked = Connect("revoked-1", connectionId: true);
        Gateway.Stop();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Snapshot));
        Gateway.Must("device", "revoke", "revoked-1");
        Gateway.Start();
        Assert.False(File.Exists(Snapshot));
        foreach (OurDtlsClient client in _clients.Where(client => client != revoked))
            Ping(client);
        Assert.Equal((6, 0), (Gateway.Metric("iotpsk_associations_restored_total"), Gateway.Metric("iotpsk_cookies_sent_total")));
        Assert.Null(_fleet.SessionOf("revoked-1"));
    }

    [Fact]
    public void A_snapshot_serves_once_and_what_was_changed_does_not_serve()
    {
        Ping(Connect("once-1", connectionId: true));
        Gateway.Stop();
        byte[] copy = File.ReadAllBytes(Snapshot);
        Gateway.Start();
        Ping(_clients[0]);
        // As after a power cut: there is no snapshot, and the copy of the old one is none.
        Gateway.Process.Signal("KILL");
        Gateway.Stop();
        File.WriteAllBytes(Snapshot, copy);
        Gateway.Start();
        Assert.Equal(0, Gateway.Metric("iotpsk_associations"));
        Assert.False(File.Exists(Snapshot));

        Ping(Connect("changed-1", connectionId: true));
        Gateway.Stop();
        copy = File.ReadAllBytes(Snapshot);
        copy[^1] ^= 1;
        File.WriteAllBytes(Snapshot, copy);
        Gateway.Start();
        Gateway.WaitForLog(0, "The associations of lwm2m are lost");
        Assert.Equal(0, Gateway.Metric("iotpsk_associations"));
        Assert.False(File.Exists(Snapshot));
        Assert.True(_fleet.Serves("good-1"));
    }

    private OurDtlsClient Connect(string device, bool connectionId)
    {
        (string identity, string key) = _fleet.NewDevice(device, "tls12");
        using var credential = new PskTlsCredential(Encoding.ASCII.GetBytes(identity), Convert.FromHexString(key), PskBinder.External, TlsHash.Sha256);
        var client = new OurDtlsClient(Gateway.CoapPort, new PskDtlsClientOptions { Credential = credential, CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8], OfferConnectionId = connectionId });
        _clients.Add(client);
        client.Connect();
        return client;
    }

    // A ping of CoAP is answered by a reset (RFC 7252 s4.3).
    private void Ping(OurDtlsClient client)
    {
        _messageId++;
        string id = new([(char)(_messageId >> 8), (char)(_messageId & 0xff)]);
        client.Send("\u0040\0" + id);
        client.Hear("\u0070\0" + id);
    }
}
