using System.Text.Json.Nodes;
using IotPsk.Device.Host;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Device.Tests;

/// <summary>The program <c>iotpsk-device --dtls</c>, in this process, over the real core and UDP.</summary>
public sealed class DatagramCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveDatagramServer _server = new();
    private readonly StringWriter _output = new(), _errors = new();

    private string Vault => Path.Combine(_directory, "vault");

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Bundle(string device, string? address = null)
    {
        string file = Path.Combine(_directory, device + ".cred");
        File.WriteAllBytes(file, Credentials.DatagramBundle(device, _server.Key, address ?? _server.Address).Encode());
        return file;
    }

    private int Run(params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        _errors.GetStringBuilder().Clear();
        return HostCommand.Run(["--vault", Vault, "--dtls", "--interval", "0", "--first-timeout", "300", "--json", .. arguments], _output, _errors);
    }

    private JsonNode[] Events(string name) =>
        [.. _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(e => e["event"]!.GetValue<string>() == name)];

    [Fact]
    public void A_device_posts_over_one_association()
    {
        Assert.Equal(0, Run("--bundle", Bundle("sensor-1"), "--count", "3", "--once"));
        Assert.Empty(_errors.ToString());
        JsonNode connected = Assert.Single(Events("connected"));
        Assert.Equal(("DTLSv1.2", "TLS_PSK_WITH_AES_128_CCM_8", "PSK", false, false), (connected["version"]!.GetValue<string>(), connected["suite"]!.GetValue<string>(),
            connected["keyExchange"]!.GetValue<string>(), connected["resumed"]!.GetValue<bool>(), connected["connectionId"]!.GetValue<bool>()));
        Assert.Equal(["2.04", "2.04", "2.04"], Events("acknowledged").Select(e => e["code"]!.GetValue<string>()));
        Assert.Equal(3, _server.Posts.Count);
        Assert.All(_server.Posts, post => Assert.Contains("\"device\":\"sensor-1\"", post.Message, StringComparison.Ordinal));
        Assert.True(Events("done").Single()["complete"]!.GetValue<bool>());
    }

    [Fact]
    public void A_sleeping_device_wakes_up_for_every_message_even_in_the_next_process()
    {
        Assert.Equal(0, Run("--bundle", Bundle("sensor-1"), "--count", "3", "--once", "--sleep", "--cid"));
        Assert.Equal([false, true, true], Events("connected").Select(e => e["resumed"]!.GetValue<bool>()));
        Assert.True(File.Exists(Path.Combine(Vault, "slot-0.assoc")));
        Assert.Equal(0, Run("--count", "2", "--once", "--sleep", "--cid"));
        Assert.Equal([true, true], Events("connected").Select(e => e["resumed"]!.GetValue<bool>()));
        Assert.Equal([0, 0], Events("connected").Select(e => e["handshakeBytesSent"]!.GetValue<int>()));
        Assert.Equal(1, _server.Handshakes);
        Assert.Equal(5, _server.Posts.Select(post => post.Port).Distinct().Count());
    }

    [Fact]
    public void A_refusal_of_the_server_is_told()
    {
        _server.AnswersWith = CoapCode.NotFound;
        Assert.Equal(1, Run("--bundle", Bundle("sensor-1"), "--count", "1", "--once"));
        Assert.Equal("4.04", Events("acknowledged").Single()["code"]!.GetValue<string>());
        Assert.Contains("not every message was taken", _errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_credential_without_DTLS_and_options_without_it_are_told()
    {
        string file = Path.Combine(_directory, "sensor-2.cred");
        File.WriteAllBytes(file, Credentials.Bundle("sensor-2", _server.Key).Encode());
        Assert.Equal(1, Run("--bundle", file, "--count", "1", "--once"));
        Assert.Contains("names no DTLS address", _errors.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, HostCommand.Run(["--vault", Vault, "--sleep"], _output, _errors));
        Assert.Equal(2, Run("--first-timeout", "99"));
        Assert.Equal(2, Run("--path", "echo"));
    }

    [Fact]
    public void Many_devices_in_one_process_do_not_disturb_each_other()
    {
        string bundles = Directory.CreateDirectory(Path.Combine(_directory, "many")).FullName;
        for (int i = 0; i < 20; i++)
            File.Move(Bundle($"sensor-{i:00}"), Path.Combine(bundles, $"sensor-{i:00}.cred"));
        Assert.Equal(0, Run("--bundle", bundles, "--count", "4", "--once", "--sleep", "--cid"));
        Assert.Equal(80, Events("acknowledged").Length);
        Assert.Equal(80, _server.Posts.Select(post => post.Message).Distinct().Count());
        Assert.Equal(20, _server.Handshakes);
    }
}
