using System.Net;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>A fleet key that is bound to what the machine started, through the life of a gateway.</summary>
public sealed class PcrTests : IDisposable
{
    private static readonly string Changed = "7:sha256=" + new string('a', 64);
    private readonly Lab _lab = new();

    public void Dispose() => _lab.Dispose();

    private GatewayProcess Gateway => _lab.Gateway;

    [Fact]
    public void Changed_PCRs_end_the_use_of_the_key_with_words_that_say_so_and_a_rotation_goes_on_from_there()
    {
        Gateway.Must("fleet", "init", "--pcr", "sha256:0,7");
        Gateway.Must("device", "enroll", "dev-1", "--count", "3");
        Assert.Equal("sha256:0,7", Epoch(0)["pcr"]!.GetValue<string>());
        string first = Credential("dev-1"), second = Credential("dev-2");
        Gateway.Start();
        Assert.True(Serves(first));

        _lab.Tpm.Tool("pcrextend", Changed);

        Assert.False(Serves(second));                       // not in the cache
        Assert.True(Serves(first));                         // in it
        Gateway.Stop();
        CommandResult refused = Gateway.Run("serve");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("firmware, boot loader or kernel changed", refused.Error, StringComparison.Ordinal);
        Assert.Contains("PCRs sha256:0,7", Gateway.Run("fleet", "status").Error, StringComparison.Ordinal);

        Assert.Contains("bound to PCRs sha256:0,7", Gateway.Must("fleet", "rotate"), StringComparison.Ordinal);
        Gateway.Start();
        Assert.Equal(HttpStatusCode.OK, Gateway.Get("/healthz").Status);
        Assert.True(Serves(Credential("dev-2")));
        Assert.False(Serves(second));
        Gateway.Must("fleet", "rotate", "--pcr", "none");
        Assert.Null(Epoch(2)["pcr"]);
    }

    [Theory]
    [InlineData(2, "leave out --pcr", "--shareable", "--authority", "x.pub", "--pcr", "sha256:0")]
    [InlineData(2, "sha256:0,2,7", "--pcr", "sha1:0")]
    [InlineData(2, "sha256:0,2,7", "--pcr", "sha256:99")]
    public void Options_that_make_no_sense_are_refused(int exit, string words, params string[] options)
    {
        CommandResult refused = Gateway.Run(["fleet", "init", .. options]);

        Assert.Equal(exit, refused.ExitCode);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
    }

    private JsonNode Epoch(int index) => Gateway.MustJson("fleet", "status")["epochs"]![index]!;

    private string Credential(string device) => Gateway.Must("device", "credentials", device, "--for", "tls13", "--format", "csv").Trim();

    private bool Serves(string credential)
    {
        string[] parts = credential.Split(',');
        return ChildProcess.Run("openssl", ["s_client", "-quiet", "-connect", Gateway.Address, "-psk_identity", parts[0], "-psk", parts[1], "-tls1_3"],
            input: MqttBytes.Visit(parts[0].Split('~')[0], Fleet.NewPayload())).Output.StartsWith(" \u0002\0\0", StringComparison.Ordinal);
    }
}
