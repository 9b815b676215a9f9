using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

/// <summary>DTLS sessions of the real native core over UDP, against our own server engine.</summary>
public sealed class PskDatagramSessionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveDatagramServer _server = new();
    private readonly UptimeClock _clock = new();
    private readonly Vault _vault;

    public PskDatagramSessionTests()
    {
        _vault = new Vault(Path.Combine(_directory, "vault"));
        Provision(_server.Key);
    }

    private static DatagramOptions Options => new() { UseConnectionId = true, FirstTimeout = 300 };

    public void Dispose()
    {
        _vault.Dispose();
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Provision(byte[] key)
    {
        byte[] bundle = Credentials.DatagramBundle("sensor-1", key, _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
    }

    private UdpChannel Wire() => UdpChannel.Open(new ServerAddress(_server.Address));

    private PskDatagramSession Connect(DatagramOptions? options = null) => PskDatagramSession.Connect(Wire(), _vault, 0, options ?? Options, _clock);

    private PskDatagramSession? Wake() => PskDatagramSession.Wake(Wire(), _vault, 0, Options, _clock);

    private CoapResponse Post(PskDatagramSession session, string text) =>
        new CoapClient(session, session.Info.MaxMessage, _clock, new Random()) { AcknowledgementTimeout = 300 }.Request(CoapCode.Post, "/echo", Encoding.UTF8.GetBytes(text));

    [Fact]
    public void A_handshake_agrees_on_the_profile_and_messages_go_both_ways()
    {
        using PskDatagramSession session = Connect();
        Assert.Equal(("DTLSv1.2", "TLS_PSK_WITH_AES_128_CCM_8", "PSK", false, false, true, 512),
            (session.Info.VersionName, session.Info.CipherSuiteName, session.Info.KeyExchangeName, session.Info.IsImported, session.Info.IsResumed, session.Info.HasConnectionId, session.Info.MaxMessage));
        CoapResponse response = Post(session, "one");
        Assert.Equal((CoapCode.Changed, "one"), (response.Code, Encoding.UTF8.GetString(response.Payload)));
        Assert.Equal(-1, session.Receive(new byte[600], 0));
        Assert.Equal(1, _server.Handshakes);
    }

    [Fact]
    public void ECDHE_PSK_and_no_connection_id_are_possible()
    {
        using PskDatagramSession session = Connect(new DatagramOptions { UseEcdhe = true });
        Assert.Equal(("TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "ECDHE_PSK", true, false),
            (session.Info.CipherSuiteName, session.Info.KeyExchangeName, session.Info.HasForwardSecrecy, session.Info.HasConnectionId));
        Assert.True(Post(session, "one").IsSuccess);
    }

    [Fact]
    public void A_sleeping_device_wakes_up_into_data_from_another_port_without_a_handshake()
    {
        PskDatagramSession session = Connect();
        Post(session, "0");
        session.Sleep();
        int datagrams = _server.Datagrams;
        for (int i = 1; i <= 5; i++)
        {
            PskDatagramSession? awake = Wake();
            Assert.NotNull(awake);
            Assert.True(awake.Info.IsResumed);
            Assert.True(Post(awake, $"{i}").IsSuccess);
            awake.Sleep();
        }
        Assert.Equal(5, _server.Datagrams - datagrams);
        Assert.Equal(1, _server.Handshakes);
        Assert.Equal(["0", "1", "2", "3", "4", "5"], _server.Posts.Select(post => post.Message));
        Assert.Equal(6, _server.Posts.Select(post => post.Port).Distinct().Count());
    }

    [Fact]
    public void An_association_that_was_closed_lost_or_never_saved_needs_a_handshake()
    {
        Assert.Null(Wake());
        Connect().Dispose();
        Assert.Null(Wake());
        Connect().Sleep();
        Wake()!.Dispose();
        Assert.Null(Wake());
        Connect().Sleep();
        Provision(_server.Key);
        Assert.Null(Wake());
    }

    [Fact]
    public void A_session_that_is_over_says_so()
    {
        PskDatagramSession session = Connect();
        session.Sleep();
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => session.Send([1], 0, 1)).Code);
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(() => session.Receive(new byte[10], 0)).Code);
        Assert.Equal(PskError.Closed, Assert.Throws<PskException>(session.Sleep).Code);
        session.Dispose();
    }

    [Fact]
    public void A_message_too_long_is_refused_and_the_session_goes_on()
    {
        using PskDatagramSession session = Connect();
        Assert.Equal(PskError.TooLong, Assert.Throws<PskException>(() => session.Send(new byte[513], 0, 513)).Code);
        Assert.True(Post(session, "one").IsSuccess);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Send([], 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Receive([], 0));
    }

    [Fact]
    public void A_server_with_another_key_or_none_at_all_is_silent()
    {
        Provision([.. Enumerable.Repeat((byte)7, 32)]);
        var hurried = new DatagramOptions { FirstTimeout = 100, HandshakeTimeout = 1000 };
        Assert.Equal(PskError.TimedOut, Assert.Throws<PskException>(() => Connect(hurried)).Code);
        Assert.Equal(0, _server.Handshakes);

        byte[] bundle = Credentials.DatagramBundle("sensor-1", _server.Key, "127.0.0.1:9").Encode();
        _vault.Import(0, bundle, bundle.Length);
        Assert.Equal(PskError.TimedOut, Assert.Throws<PskException>(() =>
            PskDatagramSession.Connect(UdpChannel.Open(new ServerAddress("127.0.0.1:9")), _vault, 0, hurried, _clock)).Code);
    }

    [Fact]
    public void A_credential_without_a_key_for_DTLS_is_told()
    {
        byte[] bundle = Credentials.Bundle("sensor-1", _server.Key, _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
        Assert.Equal(PskError.Unsupported, Assert.Throws<PskException>(() => Connect()).Code);
        Assert.Equal(PskError.NoCredential, Assert.Throws<PskException>(() => PskDatagramSession.Connect(Wire(), _vault, 5, null, _clock)).Code);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Lost_datagrams_are_sent_again_in_the_handshake_and_after(int losesEvery)
    {
        _server.LosesEvery = losesEvery;
        using PskDatagramSession session = Connect(new DatagramOptions { FirstTimeout = 100, UseConnectionId = true });
        Assert.True(Post(session, "one").IsSuccess);
        Assert.Equal(["one"], _server.Posts.Select(post => post.Message));
    }

    [Fact]
    public void A_handshake_is_ended_by_closing_its_way()
    {
        UdpChannel wire = UdpChannel.Open(new ServerAddress("127.0.0.1:9"));
        var closing = new Thread(() =>
        {
            Thread.Sleep(200);
            wire.Close();
        });
        closing.Start();
        PskError code = Assert.Throws<PskException>(() => PskDatagramSession.Connect(wire, _vault, 0, null, _clock)).Code;
        closing.Join();
        Assert.Equal(PskError.Closed, code);
    }
}
