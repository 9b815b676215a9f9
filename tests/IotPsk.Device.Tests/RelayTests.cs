using System.Net;
using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;
using IotPsk.TestSupport;

namespace IotPsk.Device.Tests;

/// <summary>A device behind a NAT that loses datagrams, delays them and changes its port.</summary>
public sealed class RelayTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveDatagramServer _server = new();
    private readonly UptimeClock _clock = new();
    private readonly Vault _vault;
    private readonly UdpRelay _relay;

    public RelayTests()
    {
        _relay = new UdpRelay(IPEndPoint.Parse(_server.Address), new Impairment { Loss = 0.1, Delay = TimeSpan.FromMilliseconds(100) }, seed: 5);
        _vault = new Vault(Path.Combine(_directory, "vault"));
        byte[] bundle = Credentials.DatagramBundle("sensor-1", _server.Key, _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
    }

    public void Dispose()
    {
        _relay.Dispose();
        _vault.Dispose();
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private UdpChannel Wire() => UdpChannel.Open(new ServerAddress(_relay.EndPoint.ToString()));

    private PskDatagramSession Connect(bool connectionId) =>
        PskDatagramSession.Connect(Wire(), _vault, 0, new DatagramOptions { UseConnectionId = connectionId, FirstTimeout = 500 }, _clock);

    private bool TryPost(PskDatagramSession session, string text, int firstWait = 300)
    {
        try
        {
            return new CoapClient(session, session.Info.MaxMessage, _clock, new Random()) { AcknowledgementTimeout = firstWait }
                .Request(CoapCode.Post, "/echo", Encoding.UTF8.GetBytes(text)).IsSuccess;
        }
        catch (PskException problem) when (problem.Code == PskError.CoapSilent)
        {
            return false;
        }
    }

    [Fact]
    public void With_a_connection_id_the_association_survives_a_new_address_without_a_handshake()
    {
        PskDatagramSession session = Connect(connectionId: true);
        Assert.True(TryPost(session, "before"));
        _relay.Rebind();
        Assert.True(TryPost(session, "after"));
        session.Sleep();
        _relay.Rebind();
        using PskDatagramSession awake = PskDatagramSession.Wake(Wire(), _vault, 0, null, _clock);
        Assert.True(TryPost(awake, "awake"));
        Assert.Equal(1, _server.Handshakes);
        Assert.Equal(["before", "after", "awake"], _server.Posts.Select(post => post.Message));
        Assert.Equal(3, _server.Posts.Select(post => post.Port).Distinct().Count());
    }

    [Fact]
    public void Without_one_it_is_lost_with_the_address_and_a_handshake_makes_another()
    {
        using PskDatagramSession session = Connect(connectionId: false);
        Assert.True(TryPost(session, "before"));
        _relay.Rebind();
        Assert.False(TryPost(session, "after", firstWait: 50));
        using PskDatagramSession second = Connect(connectionId: false);
        Assert.True(TryPost(second, "again"));
        Assert.Equal(2, _server.Handshakes);
        Assert.Equal(["before", "again"], _server.Posts.Select(post => post.Message));
    }
}
