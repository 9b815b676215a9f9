using System.Text;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class KeyLogTests
{
    private static readonly string[] Labels =
        ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"];

    [Theory]
    [InlineData(TlsHash.Sha256, 32)]
    [InlineData(TlsHash.Sha384, 48)]
    public void Both_ends_log_the_same_secrets_in_the_known_format(TlsHash hash, int length)
    {
        var atClient = new List<string>();
        var atServer = new List<string>();
        using var link = new Link(
            new PskTlsClientOptions { Credentials = [Link.Credential(hash: hash)], KeyLog = atClient.Add, KeyShareGroups = [] },
            new PskTlsServerOptions { KeyLog = atServer.Add }, s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, hash));
        link.Connect();
        string random = Convert.ToHexStringLower([.. link.ClientEnd.Sent.Skip(5 + 4 + 2).Take(32)]);
        Assert.Equal(atClient.Order(), atServer.Order());
        Assert.Equal(Labels, atServer.Select(line => line.Split(' ')[0]).Order());
        Assert.All(atServer, line => Assert.Matches($"^[A-Z_0]+ {random} [0-9a-f]{{{2 * length}}}$", line));
        Assert.Equal(5, atServer.Select(line => line.Split(' ')[2]).Distinct().Count());
    }

    [Fact]
    public async Task Openssl_logs_the_same_lines()
    {
        var lines = new List<string>();
        string file = Path.GetTempFileName();
        try
        {
            using var server = new EchoServer(new PskTlsServerOptions { KeyLog = lines.Add }, s => s.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256));
            Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
            await PeerProcess.OpenSslClientAsync(
                server.Port, "hello\n", "-tls1_3", "-psk_identity", "dev-1~1", "-psk", Convert.ToHexString(Link.Key), "-keylogfile", file);
            Assert.Null((await serving).Error);
            Assert.Equal((await File.ReadAllLinesAsync(file)).Where(line => line.Length > 0 && line[0] != '#').Order(), lines.Order());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [CommandFact("tshark")]
    public async Task Tshark_reads_the_MQTT_inside_with_the_log_and_not_without()
    {
        var lines = new List<string>();
        var capture = new Capture(8883);
        using var owner = new TicketServer();
        using var link = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], KeyLog = lines.Add, RecordSizeLimit = 100 }, owner.Options(), owner.Answer);
        link.Tamper = (toServer, bytes) =>
        {
            capture.Add(toServer, bytes);
            return bytes;
        };
        link.Connect();
        byte[] connect = [0x10, 19, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 7, .. "sensor1"u8];
        byte[] wire = link.ClientEnd.Write(connect);
        capture.Add(true, wire);
        link.ServerEnd.Deliver(wire);
        link.Client.Records.TryUpdateWriteKeys(request: false);
        capture.Add(false, link.ServerEnd.Write([0x20, 2, 0, 0]));

        // After a KeyUpdate the log's secrets still suffice: the next ones follow from them.
        byte[] publish = [0x30, 9, 0, 5, .. "topic"u8, .. "42"u8];
        capture.Add(true, link.ClientEnd.Write(publish));

        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(folder, "link.pcap");
            string log = Path.Combine(folder, "keys.log");
            capture.Save(file);
            await File.WriteAllLinesAsync(log, lines, Encoding.ASCII);
            string seen = await ReadAsync(file, $"tls.keylog_file:{log}");
            Assert.Contains("1\tsensor1\t", seen, StringComparison.Ordinal);
            Assert.Contains("2\t\t", seen, StringComparison.Ordinal);
            Assert.Contains("3\t\ttopic", seen, StringComparison.Ordinal);
            Assert.DoesNotContain("sensor1", await ReadAsync(file, "tls.keylog_file:"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> ReadAsync(string file, string preference)
    {
        using var process = new PeerProcess(
            "tshark", "-r", file, "-o", preference, "-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype", "-e", "mqtt.clientid", "-e", "mqtt.topic");
        return await process.TalkAsync("");
    }
}
