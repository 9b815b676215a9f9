using System.Text;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class ExporterTests
{
    private static readonly string[] Psk = ["-tls1_3", "-psk_identity", Encoding.ASCII.GetString(Link.Identity), "-psk", Convert.ToHexString(Link.Key)];

    [Theory]
    [InlineData("EXPERIMENTAL iotpsk test", 20)]
    [InlineData("EXPORTER-Channel-Binding", 32)]
    [InlineData("EXPERIMENTAL long", 500)]
    public async Task Openssl_exports_the_same(string label, int length)
    {
        byte[] exported = new byte[length];
        byte[] binding = new byte[PskTlsConnection.ChannelBindingLength];
        using var server = new EchoServer(new PskTlsServerOptions(), s => s.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256))
        {
            AtEnd = s =>
            {
                s.ExportKeyingMaterial(Encoding.ASCII.GetBytes(label), default, exported);
                s.GetChannelBinding(binding);
            },
        };
        Task<(PskTlsSession? Session, TlsError? Error)> serving = server.ServeOneAsync();
        string output = await PeerProcess.OpenSslClientAsync(server.Port, "hello\n", [.. Psk, "-keymatexport", label, "-keymatexportlen", $"{length}"]);
        Assert.Null((await serving).Error);
        Assert.Contains($"Keying material: {Convert.ToHexString(exported)}", output, StringComparison.Ordinal);
        Assert.Equal(label == "EXPORTER-Channel-Binding", exported.AsSpan().SequenceEqual(binding));
    }

    [Theory]
    [InlineData(TlsHash.Sha256)]
    [InlineData(TlsHash.Sha384)]
    public void Both_ends_export_the_same_and_every_input_counts(TlsHash hash)
    {
        using var link = new Link(
            new PskTlsClientOptions { Credentials = [Link.Credential(hash: hash)] }, answer: s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, hash));
        Assert.Throws<InvalidOperationException>(() => link.Client.GetChannelBinding(new byte[32]));
        link.Connect();
        var seen = new HashSet<string>();
        foreach ((string label, string context, int length) in (ReadOnlySpan<(string, string, int)>)[
            ("a", "", 32), ("b", "", 32), ("a", "x", 32), ("a", "", 33), ("EXPORTER-Channel-Binding", "", 32), (new string('a', 249), "", 8160)])
        {
            byte[] atServer = new byte[length];
            byte[] atClient = new byte[length];
            link.Server.ExportKeyingMaterial(Encoding.ASCII.GetBytes(label), Encoding.ASCII.GetBytes(context), atServer);
            link.Client.ExportKeyingMaterial(Encoding.ASCII.GetBytes(label), Encoding.ASCII.GetBytes(context), atClient);
            Assert.Equal(atServer, atClient);
            Assert.True(seen.Add(Convert.ToHexString(atServer.AsSpan(0, 32))));
        }

        using var other = new Link();
        other.Connect();
        byte[] binding = new byte[32];
        other.Client.GetChannelBinding(binding);
        Assert.True(seen.Add(Convert.ToHexString(binding)));
    }

    [Fact]
    public void Exported_values_outlive_new_keys_but_not_the_connection()
    {
        using var link = new Link();
        link.Connect();
        byte[] before = new byte[32];
        byte[] after = new byte[32];
        link.Server.GetChannelBinding(before);
        link.Client.Records.TryUpdateWriteKeys(request: true);
        link.Exchange();
        link.ServerEnd.Deliver(link.ClientEnd.Shutdown());
        link.Server.GetChannelBinding(after);
        Assert.Equal(before, after);
        Assert.Throws<ArgumentException>(() => link.Server.ExportKeyingMaterial([], default, after));
        Assert.Throws<ArgumentException>(() => link.Server.ExportKeyingMaterial(new byte[250], default, after));
        Assert.Throws<ArgumentException>(() => link.Server.ExportKeyingMaterial("a"u8, default, []));
        Assert.Throws<ArgumentException>(() => link.Server.ExportKeyingMaterial("a"u8, default, new byte[8161]));
        link.ClientEnd.Deliver(TestRecord.Plain(23, new byte[40]));
        Assert.Throws<InvalidOperationException>(() => link.Client.GetChannelBinding(after));
        link.Server.Dispose();
        Assert.Throws<ObjectDisposedException>(() => link.Server.GetChannelBinding(after));
    }

    [Fact]
    public void The_exporter_is_the_RFCs_function_of_its_secret()
    {
        // RFC 8446 s7.5, computed by the base library from the secret of the key log.
        string? line = null;
        using var link = new Link(server: new PskTlsServerOptions { KeyLog = l => line = l.StartsWith("EXPORTER_SECRET", StringComparison.Ordinal) ? l : line });
        link.Connect();
        byte[] exporterSecret = Convert.FromHexString(line!.Split(' ')[2]);
        byte[] secret = new byte[32];
        byte[] expected = new byte[48];
        byte[] actual = new byte[48];
        HkdfLabel.Expand(CryptoProvider.Default, TlsHash.Sha256, datagram: false, exporterSecret, "label"u8, System.Security.Cryptography.SHA256.HashData([]), secret);
        byte[] contextHash = System.Security.Cryptography.SHA256.HashData("context"u8);
        byte[] info = [0, 48, 14, .. "tls13 exporter"u8, 32, .. contextHash];
        System.Security.Cryptography.HKDF.Expand(System.Security.Cryptography.HashAlgorithmName.SHA256, secret, expected, info);
        link.Client.ExportKeyingMaterial("label"u8, "context"u8, actual);
        Assert.Equal(expected, actual);
    }
}
