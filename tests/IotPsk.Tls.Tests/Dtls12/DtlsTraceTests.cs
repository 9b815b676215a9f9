using System.Text;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>An independent eye on what goes over the wire.</summary>
public class DtlsTraceTests
{
    [CommandFact("tshark")]
    public async Task Tshark_reads_the_CoAP_inside_with_the_log_and_not_without()
    {
        foreach (bool withIds in (bool[])[false, true])
        {
            var lines = new List<string>();
            var capture = new UdpCapture(5684);
            var options = new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8], KeyLog = lines.Add };
            using var link = new VirtualLink(options, clientId: withIds ? [0xc1, 0xc2] : [], serverId: withIds ? [1, 2, 3, 4] : []);
            link.Tamper = (fromClient, datagram) =>
            {
                capture.Add(fromClient, datagram);
                return datagram;
            };
            link.Connect();
            link.ClientWrites([0x40, 1, 0, 1, 0xb7, .. "sensor1"u8]);
            string folder = Directory.CreateTempSubdirectory().FullName;
            try
            {
                string file = Path.Combine(folder, "link.pcap"), log = Path.Combine(folder, "keys.log");
                capture.Save(file);
                await File.WriteAllLinesAsync(log, lines, Encoding.ASCII);
                Assert.Contains("sensor1", await ReadAsync(file, $"tls.keylog_file:{log}"), StringComparison.Ordinal);
                Assert.DoesNotContain("sensor1", await ReadAsync(file, "tls.keylog_file:"), StringComparison.Ordinal);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static async Task<string> ReadAsync(string file, string preference)
    {
        using var process = new PeerProcess("tshark", "-r", file, "-o", preference, "-Y", "coap", "-T", "fields", "-e", "coap.opt.uri_path");
        return await process.TalkAsync("");
    }
}
