using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;
using IotPsk.TestSupport;

namespace IotPsk.Device.Tests;

/// <summary>What a bad server, a bad network and a bad vault do to a device with DTLS: a named error, and the next attempt works.</summary>
public sealed class DatagramFaultTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveDatagramServer _server = new();
    private readonly UptimeClock _clock = new();
    private readonly Vault _vault;

    public DatagramFaultTests()
    {
        _vault = new Vault(VaultPath);
        byte[] bundle = Credentials.DatagramBundle("sensor-1", _server.Key, _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
    }

    private string VaultPath => Path.Combine(_directory, "vault");

    public void Dispose()
    {
        _vault.Dispose();
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private PskDatagramSession Connect(string? address = null, int handshakeTimeout = 20_000) => PskDatagramSession.Connect(
        UdpChannel.Open(new ServerAddress(address ?? _server.Address)), _vault, 0, new DatagramOptions { UseConnectionId = true, FirstTimeout = 300, HandshakeTimeout = handshakeTimeout }, _clock);

    private CoapResponse Post(PskDatagramSession session, string text) =>
        new CoapClient(session, session.Info.MaxMessage, _clock, new Random()) { AcknowledgementTimeout = 300 }.Request(CoapCode.Post, "/echo", Encoding.UTF8.GetBytes(text));

    private void Works()
    {
        using PskDatagramSession session = Connect();
        Assert.True(Post(session, "fine").IsSuccess);
    }

    // A server that answers every hello with the same datagram.
    private void AgainstAnswer(byte[] answer, Action<string> test)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        bool stopping = false;
        var thread = new Thread(() =>
        {
            byte[] buffer = new byte[2048];
            while (!Volatile.Read(ref stopping))
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                if (socket.Poll(10_000, SelectMode.SelectRead))
                {
                    socket.ReceiveFrom(buffer, ref from);
                    socket.SendTo(answer, from);
                }
            }
        });
        thread.Start();
        test(socket.LocalEndPoint!.ToString()!);
        Volatile.Write(ref stopping, true);
        thread.Join();
    }

    [Theory]
    [InlineData(40, PskError.NoCommonParameters)]
    [InlineData(70, PskError.Version)]
    [InlineData(80, PskError.ServerFault)]
    [InlineData(115, PskError.UnknownIdentity)]
    [InlineData(20, PskError.Refused)]
    public void An_alert_of_the_server_is_named(byte alert, PskError expected)
    {
        AgainstAnswer([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, alert],
            address => Assert.Equal(expected, Assert.Throws<PskException>(() => Connect(address)).Code));
        Works();
    }

    [Theory]
    [InlineData(16_000)]
    [InlineData(1)]
    [InlineData(13)]
    public void Noise_in_place_of_a_server_ends_in_a_time_out(int length)
    {
        byte[] noise = new byte[length];
        new Random(1).NextBytes(noise);
        noise[0] = 22;
        AgainstAnswer(noise, address =>
        {
            PskError code = Assert.Throws<PskException>(() => Connect(address, 1_000)).Code;
            Assert.True(code is PskError.TimedOut or PskError.NoAnswer or PskError.Protocol, code.ToString());
        });
        Works();
    }

    [Fact]
    public void Datagrams_that_are_doubled_late_and_lost_arrive_once_each()
    {
        using var relay = new UdpRelay(IPEndPoint.Parse(_server.Address),
            new Impairment { Loss = 0.1, Duplication = 0.3, Reordering = 0.3, Lateness = TimeSpan.FromMilliseconds(40) }, seed: 9);
        using PskDatagramSession session = Connect(relay.EndPoint.ToString());
        var client = new CoapClient(session, session.Info.MaxMessage, _clock, new Random(2)) { AcknowledgementTimeout = 200 };
        string[] texts = [.. Enumerable.Range(0, 25).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
        foreach (string text in texts)
            Assert.Equal(text, Encoding.UTF8.GetString(client.Request(CoapCode.Post, "/echo", Encoding.UTF8.GetBytes(text)).Payload));
        Assert.Equal(texts, _server.Posts.Select(post => post.Message));
        Assert.Equal(1, _server.Handshakes);
    }

    [Fact]
    public void A_vault_that_is_gone_or_cannot_be_written_is_named_and_works_again_when_it_is_back()
    {
        // What the vault writes to has become a directory each: nothing can take its place.
        Connect().Sleep();
        string[] files = Directory.GetFiles(VaultPath, "*", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        PskDatagramSession session = Connect();
        string saved = Path.Combine(_directory, "saved");
        Directory.CreateDirectory(saved);
        foreach (string file in files)
        {
            File.Move(file, Path.Combine(saved, Path.GetFileName(file)));
            Directory.CreateDirectory(Path.Combine(file, "in the way"));
        }
        // The association is lost with the session, but neither is the credential.
        Assert.Equal(PskError.VaultIo, Assert.Throws<PskException>(session.Sleep).Code);
        byte[] bundle = Credentials.DatagramBundle("sensor-2", _server.Key, _server.Address).Encode();
        Assert.Equal(PskError.VaultIo, Assert.Throws<PskException>(() => _vault.Import(0, bundle, bundle.Length)).Code);
        foreach (string file in files)
        {
            Directory.Delete(file, recursive: true);
            File.Move(Path.Combine(saved, Path.GetFileName(file)), file);
        }
        Works();
        _vault.Import(1, bundle, bundle.Length);
        Assert.Equal("sensor-2", _vault.Describe(1).DeviceId);
    }

    [Fact]
    public void A_damaged_credential_is_named_and_a_new_one_takes_its_place()
    {
        byte[] bundle = Credentials.DatagramBundle("sensor-1", _server.Key, _server.Address).Encode();
        foreach (string file in Directory.GetFiles(VaultPath, "*", SearchOption.AllDirectories))
        {
            byte[] content = File.ReadAllBytes(file);
            if (content.Length < bundle.Length)
                continue;
            content[content.Length / 2] ^= 1;
            File.WriteAllBytes(file, content);
        }
        PskException problem = Assert.Throws<PskException>(() => Connect());
        Assert.Equal((PskError.VaultCorrupt, true), (problem.Code, problem.IsPermanent));
        _vault.Import(0, bundle, bundle.Length);
        Works();
    }

    [Fact]
    public void A_bundle_of_another_fleet_leads_to_silence_and_the_right_one_works_after_it()
    {
        byte[] right = Credentials.DatagramBundle("sensor-1", _server.Key, _server.Address).Encode();
        byte[] foreign = Credentials.DatagramBundle("sensor-1", [.. Enumerable.Repeat((byte)3, 32)], _server.Address).Encode();
        _vault.Import(0, foreign, foreign.Length);
        Assert.Equal(PskError.TimedOut, Assert.Throws<PskException>(() => Connect(null, 1_000)).Code);
        for (int length = 0; length < foreign.Length; length += 7)
        {
            PskException problem = Assert.Throws<PskException>(() => _vault.Import(0, right, length));
            Assert.True(problem.IsPermanent, problem.Message);
        }
        _vault.Import(0, right, right.Length);
        Works();
    }
}
