using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary><c>iotpsk client dtls</c> against libcoap's servers.</summary>
public sealed class CoapPeerTests
{
    private const string Ccm8 = "TLS_PSK_WITH_AES_128_CCM_8", Gcm = "TLS_PSK_WITH_AES_128_GCM_SHA256";
    private const string Key = "libcoap-takes-text";

    [Theory]
    [InlineData("openssl", Ccm8, "psk")]
    [InlineData("openssl", Gcm, "psk")]
    [InlineData("openssl", "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "ecdhe_psk")]
    [InlineData("gnutls", Ccm8, "psk")]
    [InlineData("gnutls", Gcm, "psk")]
    public void Our_client_puts_and_gets_at_libcoaps_server(string library, string suite, string keyExchange)
    {
        using LibcoapServer server = new(library);
        string text = Fleet.NewPayload();
        CommandResult put = server.Ask(text, "--put", "/example_data", "--content-format", "0", "--suite", suite, "--json");
        Assert.True(put.ExitCode == 0, put.ToString());
        JsonNode[] told = [.. put.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal(("DTLSv1.2", suite, keyExchange), (told[0]["version"]!.GetValue<string>(), told[0]["cipherSuite"]!.GetValue<string>(), told[0]["keyExchange"]!.GetValue<string>()));
        Assert.StartsWith("2.0", told[1]["code"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(text, server.Ask("", "--get", "/example_data", "--suite", suite).Output);
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void An_answer_that_comes_later_is_waited_for(string library)
    {
        using LibcoapServer server = new(library);
        Assert.Equal("done", server.Ask("", "--get", "/async?1").Output);
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("gnutls")]
    public void An_answer_in_blocks_is_put_together(string library)
    {
        using LibcoapServer server = new(library);
        string text = string.Concat(Enumerable.Range(0, 300).Select(i => i.ToString("0000 ", CultureInfo.InvariantCulture)));
        // What libcoap's own client sends in blocks, ours gets in blocks.
        CommandResult put = ChildProcess.Run("coap-client-" + library, ["-m", "put", "-u", "me", "-k", Key, "-f", server.Write(text), $"coaps://127.0.0.1:{server.Port}/example_data"]);
        Assert.True(put.ExitCode == 0, put.ToString());
        Assert.Equal(text, server.Ask("", "--get", "/example_data").Output);
    }

    [Theory]
    [InlineData(1, "4.04", "--get", "/none")]
    [InlineData(1, "4.05", "--delete", "/async")]
    [InlineData(2, "--suite", "--get", "/", "--suite", "TLS_RSA_WITH_NULL_MD5")]
    [InlineData(2, "more than one request", "--get", "/", "--delete", "/")]
    [InlineData(2, "path", "--get", "none")]
    [InlineData(2, "--content-format", "--get", "/", "--content-format", "65536")]
    public void What_fails_is_told_in_one_line(int exitCode, string words, params string[] arguments)
    {
        using LibcoapServer server = new("openssl");
        CommandResult result = server.Ask("", arguments);
        Assert.Equal(exitCode, result.ExitCode);
        string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => !l.StartsWith("connected: ", StringComparison.Ordinal));
        Assert.StartsWith("iotpsk: ", line, StringComparison.Ordinal);
        Assert.Contains(words, line, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nobody_listens_is_told_in_one_line()
    {
        CommandResult result = ChildProcess.Run(Repository.Gateway, ["client", "dtls", $"127.0.0.1:{FreePorts.Take()}", "--identity", "me", "--key", "00"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("there is no connection", Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    /// <summary>libcoap's example server with one of its TLS libraries; it echoes what is put.</summary>
    private sealed class LibcoapServer : IDisposable
    {
        private readonly TempDirectory _directory = new();
        private readonly ChildProcess _process;

        internal LibcoapServer(string library)
        {
            int plain = FreePorts.Take(2);
            Port = plain + 1;
            _process = ChildProcess.Start("coap-server-" + library, ["-A", "127.0.0.1", "-p", plain.ToString(CultureInfo.InvariantCulture), "-k", Key, "-v", "7"]);
            _process.WaitForLine(line => line.Contains("DTLS", StringComparison.Ordinal) && line.Contains(Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), "libcoap listens");
        }

        internal int Port { get; }

        internal string Write(string text)
        {
            string file = _directory.File("payload");
            File.WriteAllText(file, text);
            return file;
        }

        internal CommandResult Ask(string input, params string[] arguments) => ChildProcess.Run(Repository.Gateway,
            ["client", "dtls", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}"), "--identity", "me", "--key", Convert.ToHexString(Encoding.ASCII.GetBytes(Key)), .. arguments], input: Encoding.ASCII.GetBytes(input));

        public void Dispose()
        {
            _process.Dispose();
            _directory.Dispose();
        }
    }
}
