using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The key hierarchy seen from outside: by tpm2-tools and the BCL, none of our own code.</summary>
public sealed class FleetKeyTests(Fleet fleet) : IClassFixture<Fleet>
{
    [Fact]
    public void The_fleet_key_is_bound_to_this_TPM()
    {
        CommandResult key = fleet.Lab.Tpm.Tool("readpublic", "-c", fleet.FleetKeyHandle);
        string attributes = key.Output.Split('\n').Single(line => line.Contains("fixedtpm", StringComparison.Ordinal));
        foreach (string attribute in (string[])["fixedtpm", "fixedparent", "noda", "sign"])
            Assert.Contains(attribute, attributes, StringComparison.Ordinal);
    }

    [Fact]
    public void What_tpm2_hmac_derives_and_RFC_9258_imports_is_the_key_the_C_core_connects_with()
    {
        fleet.Enroll("derived-1");
        byte[] epsk = fleet.FleetHmac("iotpsk epsk", "derived-1");
        byte[] identity = ClientHello.ImportedIdentity("derived-1~1", "derived-1", Lab.ServerId);
        byte[] imported = Fleet.Import(epsk, identity);
        // Everything secret in the bundle is replaced by what was computed here.
        string bundle = fleet.ChangedBundle("derived-1", b => (b.Tls13Identity, b.Tls13Key) = (identity, imported));
        CommandResult result = fleet.Core(bundle, MqttBytes.Visit("derived-1", Fleet.NewPayload()));
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(" \u0002\0\0@\u0002\0\u0001", result.Output);
    }

    [Theory]
    [InlineData("tls13", "iotpsk tls13")]
    [InlineData("tls12", "iotpsk tls12")]
    public void Keys_for_clients_that_cannot_import_are_what_tpm2_hmac_derives(string use, string label)
    {
        fleet.Enroll("stock-1");
        string csv = fleet.Gateway.Must("device", "credentials", "stock-1", "--for", use, "--format", "csv").Trim();
        Assert.Equal($"stock-1~1,{Convert.ToHexStringLower(fleet.FleetHmac(label, "stock-1"))}", csv);
    }

    [Fact]
    public void No_file_of_the_state_and_no_log_holds_a_key()
    {
        fleet.Enroll("secret-1");
        string[] openssl = fleet.OpensslArguments("secret-1");
        Assert.True(fleet.Serves("secret-1"));
        using (ChildProcess client = fleet.HoldOpenssl(openssl))
            Poll.Until(() => fleet.SessionOf("secret-1") is not null, "openssl is connected");
        byte[] epsk = fleet.FleetHmac("iotpsk epsk", "secret-1");
        byte[][] secrets = [epsk, Fleet.Import(epsk, ClientHello.ImportedIdentity("secret-1~1", "secret-1", Lab.ServerId)),
            fleet.FleetHmac("iotpsk tls13", "secret-1"), fleet.FleetHmac("iotpsk tls12", "secret-1")];
        Assert.Equal(Convert.ToHexStringLower(secrets[2]), openssl[3]);

        string[] places = [fleet.Gateway.State, fleet.Lab.Logs];
        Assert.NotEmpty(Directory.GetFiles(fleet.Gateway.State));
        foreach (string log in (string[])["gateway.log", "mosquitto.log"])
            Assert.Contains("secret-1", Read(Path.Combine(fleet.Lab.Logs, log)), StringComparison.Ordinal);
        Assert.Empty(places.SelectMany(place => Find(place, secrets)));

        // The search finds each form where there is one.
        string planted = fleet.Lab.Directory.Create("planted");
        foreach (string form in Forms(secrets[1]))
        {
            File.WriteAllText(Path.Combine(planted, "log"), $"key={form}\n", Encoding.Latin1);
            Assert.NotEmpty(Find(planted, secrets));
        }
    }

    private static IEnumerable<string> Find(string directory, byte[][] secrets) =>
        from file in Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
        let content = Read(file)
        from secret in secrets
        from form in Forms(secret)
        where content.Contains(form, StringComparison.Ordinal)
        select file;

    // Raw, hexadecimal in both cases, and base64 at each of the three alignments without the characters neighbours touch.
    private static IEnumerable<string> Forms(byte[] secret)
    {
        yield return Encoding.Latin1.GetString(secret);
        yield return Convert.ToHexStringLower(secret);
        yield return Convert.ToHexString(secret);
        for (int shift = 0; shift < 3; shift++)
            yield return Convert.ToBase64String([.. new byte[shift], .. secret, 0])[4..40];
    }

    private static string Read(string file)
    {
        // A lock that somebody holds cannot be opened, and there is nothing in it.
        if (new FileInfo(file).Length == 0)
            return "";
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return reader.ReadToEnd();
    }
}
