using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Interop.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Hellos in nobody's name at the whole gateway: its memory and its TPM do not notice, and a device connects among them.</summary>
[Collection(AloneTests.Name)]
public sealed class HelloFloodTests(Fleet fleet) : IClassFixture<Fleet>
{
    private static readonly int Hellos = Environment.GetEnvironmentVariable("IOTPSK_LONG") is null ? 100_000 : 1_000_000;

    private GatewayProcess Gateway => fleet.Gateway;

    [Fact]
    public async Task Memory_and_tpm_stay_as_they_are_and_a_device_connects_meanwhile()
    {
        fleet.Enroll("among-them");
        string bundle = fleet.BundleFile("among-them"), address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Gateway.CoapPort}");
        // Once before: what is compiled and allocated for the first time is not what the flood costs.
        Flood(Hellos / 2);
        Assert.Equal("ready", Echo(bundle, address, "ready").Output);
        double commands = Gateway.Metric("iotpsk_tpm_commands_total"), cookies = Gateway.Metric("iotpsk_cookies_sent_total");
        long before = Resident();
        Task flood = Task.Run(() => Flood(Hellos));
        CommandResult during = Echo(bundle, address, "heard");
        await flood;
        long after = Resident();
        Assert.True(during.Output == "heard", during.ToString());
        Assert.InRange(after - before, long.MinValue, 5_000_000);
        Assert.InRange(Gateway.Metric("iotpsk_cookies_sent_total") - cookies, Hellos / 20, Hellos + 100);
        // The device's own key, if it is not in the cache any more.
        Assert.InRange(Gateway.Metric("iotpsk_tpm_commands_total") - commands, 0, 1);
        Assert.Equal(0, Gateway.Metric("iotpsk_association_handshakes_in_progress"));
    }

    private static CommandResult Echo(string bundle, string address, string text) =>
        ChildProcess.Run(Repository.Gateway, ["client", "dtls", address, "--bundle", bundle, "--put", "/echo"], input: Encoding.ASCII.GetBytes(text));

    private void Flood(int count)
    {
        List<Socket> sources = [.. Enumerable.Range(0, 200).Select(i =>
        {
            // Answers are not read: what does not fit in the buffer is dropped there.
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 };
            socket.Bind(new IPEndPoint(new IPAddress([127, 1, (byte)i, 1]), 0));
            return socket;
        })];
        byte[] hello = Hello();
        SocketAddress server = new IPEndPoint(IPAddress.Loopback, Gateway.CoapPort).Serialize();
        for (int i = 0; i < count; i++)
        {
            // Another random each.
            BitConverter.TryWriteBytes(hello.AsSpan(40), i);
            sources[i % sources.Count].SendTo(hello, SocketFlags.None, server);
        }
        sources.ForEach(socket => socket.Dispose());
    }

    private static byte[] Hello()
    {
        using var key = new PskTlsCredential("nobody~1"u8, new byte[32], PskBinder.External, TlsHash.Sha256);
        using var client = new PskDtlsClient(new PskDtlsClientOptions { Credential = key }, []);
        client.Continue(0);
        byte[] datagram = new byte[client.Mtu];
        Assert.True(client.Flush(datagram, out int written));
        return datagram[..written];
    }

    private long Resident()
    {
        string line = File.ReadLines($"/proc/{Gateway.Process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(6).Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
