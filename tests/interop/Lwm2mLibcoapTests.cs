using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>libcoap's client as an LwM2M device: what it sends by itself. It opens an association for each request, and the registration outlives them.</summary>
public sealed partial class Lwm2mLibcoapTests(Lwm2mFleet lwm2m) : IClassFixture<Lwm2mFleet>
{
    private static int s_device;

    private Fleet Fleet => lwm2m.Fleet;

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void It_registers_updates_sends_values_and_deregisters(string library)
    {
        Peer peer = NewPeer(library);
        using ChildProcess heard = Fleet.Lab.Broker.Subscribe($"iotpsk/{peer.Name}/#");
        Assert.Contains("c:4.04", peer.Ask("post", "/dp", "-t", "110", "-e", "[{\"n\":\"/3303/0/5700\",\"v\":1}]"), StringComparison.Ordinal);
        string created = peer.Ask("post", $"/rd?ep={peer.Name}&lt=120&lwm2m=1.1&b=U", "-t", "40", "-e", "</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3/0>");
        string location = Location().Match(created).Groups[1].Value;
        Assert.True(location.Length > 0, created);
        heard.WaitForLine(line => line.StartsWith($"iotpsk/{peer.Name}/registration {{\"state\":\"registered\",\"lifetime\":120", StringComparison.Ordinal), "the registration is told");
        Assert.Contains("c:2.04", peer.Ask("post", $"/rd/{location}?lt=240"), StringComparison.Ordinal);
        heard.WaitForLine(line => line.Contains("\"state\":\"updated\",\"lifetime\":240", StringComparison.Ordinal), "the update is told");
        Assert.Contains("c:2.04", peer.Ask("post", "/dp", "-t", "110", "-e", "[{\"n\":\"/3303/0/5700\",\"v\":21.5,\"u\":\"Cel\"},{\"n\":\"/3/0/9\",\"v\":95}]"), StringComparison.Ordinal);
        heard.WaitForLine(line => line.StartsWith($"iotpsk/{peer.Name}/3303/0/5700 [", StringComparison.Ordinal) && line.Contains("\"v\":21.5", StringComparison.Ordinal), "the value is told");
        heard.WaitForLine(line => line.StartsWith($"iotpsk/{peer.Name}/3/0/9 [", StringComparison.Ordinal) && line.Contains("\"v\":95", StringComparison.Ordinal), "the other value is told");
        Assert.Contains("c:2.02", peer.Ask("delete", $"/rd/{location}"), StringComparison.Ordinal);
        heard.WaitForLine(line => line.Contains("\"state\":\"deregistered\"", StringComparison.Ordinal), "the end is told");
        Assert.Contains("c:4.04", peer.Ask("post", $"/rd/{location}"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_it_may_not_do_is_refused_by_code()
    {
        Peer peer = NewPeer("openssl"), other = NewPeer("openssl");
        string location = Location().Match(peer.Ask("post", $"/rd?ep={peer.Name}&lwm2m=1.0", "-t", "40", "-e", "</3/0>")).Groups[1].Value;
        Assert.Contains("c:4.03", peer.Ask("post", $"/rd?ep={other.Name}&lwm2m=1.1", "-t", "40", "-e", "</3/0>"), StringComparison.Ordinal);
        Assert.Contains("c:4.04", other.Ask("post", $"/rd/{location}"), StringComparison.Ordinal);
        Assert.Contains("c:4.04", other.Ask("delete", $"/rd/{location}"), StringComparison.Ordinal);
        Assert.Contains("c:4.12", peer.Ask("post", $"/rd?ep={peer.Name}&lwm2m=2.0", "-t", "40", "-e", "</3/0>"), StringComparison.Ordinal);
        Assert.Contains("c:4.00", peer.Ask("post", $"/rd?ep={peer.Name}&lwm2m=1.1", "-t", "40", "-e", "</3/0"), StringComparison.Ordinal);
        Assert.Contains("c:4.15", peer.Ask("post", "/dp", "-t", "60", "-e", "x"), StringComparison.Ordinal);
        Assert.Contains("c:4.00", peer.Ask("post", "/dp", "-t", "110", "-e", "[{\"n\":\"/3303/0/5700\"}]"), StringComparison.Ordinal);
        Assert.Contains("c:4.02", peer.Ask("post", $"/rd?ep={peer.Name}&lwm2m=1.1", "-t", "40", "-e", "</3/0>", "-O", "9,x"), StringComparison.Ordinal);
        string huge = Fleet.Lab.Directory.File("huge-list");
        File.WriteAllText(huge, string.Join(',', Enumerable.Range(0, 10_000).Select(i => $"</3303/{i}>")));
        Assert.Contains("c:4.13", peer.Ask("post", $"/rd?ep={peer.Name}&lwm2m=1.1", "-t", "40", "-f", huge), StringComparison.Ordinal);
        Assert.Equal(1, Fleet.Gateway.Metric("iotpsk_lwm2m_registrations"));
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void It_fetches_an_image_of_256_kib_block_by_block_and_nothing_beside_it(string library)
    {
        byte[] image = new byte[(256 << 10) + 77];
        new Random(3).NextBytes(image);
        File.WriteAllBytes(Path.Combine(lwm2m.Images, "image.bin"), image);
        Peer peer = NewPeer(library);
        string file = Fleet.Lab.Directory.File("fetched-" + peer.Name);
        peer.Ask("get", "/fw/image.bin", "-o", file);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(image)), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
        foreach (string path in (string[])["/fw", "/fw/none", "/fw/..%2Fstate%2Fregistry.db", "/fw/%2Fetc%2Fpasswd", "/fw/image.bin/x", "/fw/.hidden"])
            Assert.Contains("c:4.04", peer.Ask("get", path), StringComparison.Ordinal);
        Assert.Contains("c:4.05", peer.Ask("put", "/fw/image.bin", "-e", "x"), StringComparison.Ordinal);
    }

    [GeneratedRegex("Location-Path:rd, Location-Path:([0-9a-f]{16})")]
    private static partial Regex Location();

    private Peer NewPeer(string library)
    {
        // The program takes its key as text, so a key without a zero byte has to be found.
        while (true)
        {
            string name = "libcoap-lwm2m-" + Interlocked.Increment(ref s_device).ToString(CultureInfo.InvariantCulture);
            (string identity, string key) = Fleet.NewDevice(name, "tls12");
            if (!Convert.FromHexString(key).Any(value => value is 0 or (byte)'\n'))
                return new Peer(library, Fleet.Gateway.CoapPort, name, identity, key);
        }
    }

    private sealed record Peer(string Library, int Port, string Name, string Identity, string Key)
    {
        /// <summary>What the program says of the messages it exchanged.</summary>
        internal string Ask(string method, string path, params string[] arguments)
        {
            string bytes = string.Concat(Convert.FromHexString(Key).Select(value => $"\\x{value:x2}"));
            var command = new StringBuilder($"LC_ALL=C coap-client-{Library} -v 7 -B 30 -m {method} -u '{Identity}' -k \"$(printf '{bytes}')\"");
            foreach (string argument in arguments)
                command.Append(" '").Append(argument).Append('\'');
            command.Append(CultureInfo.InvariantCulture, $" 'coaps://127.0.0.1:{Port}{path}'");
            CommandResult result = ChildProcess.Run("bash", ["-c", command.ToString()]);
            return result.Output + result.Error;
        }
    }
}
