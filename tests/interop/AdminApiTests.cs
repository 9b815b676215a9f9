using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The admin API with a device at the other end: by the verbs over the socket, and over loopback with the token.</summary>
public sealed class AdminApiTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    private string Url(string path) => $"http://127.0.0.1:{fleet.Gateway.Configuration["Admin"]!["Http"]!.GetValue<string>().Split(':')[^1]}{path}";

    [Fact]
    public void A_device_is_seen_asked_and_heard_by_the_verbs()
    {
        (string identity, string key) = fleet.NewDevice("api-1", "tls12");
        using ChildProcess events = ChildProcess.Start(Repository.Gateway, ["events", "api-1", "--config", fleet.Gateway.ConfigurationFile]);
        Assert.Equal("no device is registered", fleet.Gateway.Must("lwm2m", "list").Trim());
        using ChildProcess all = ChildProcess.Start("curl", ["-sN", "--unix-socket", fleet.Gateway.Configuration["Admin"]!["Socket"]!.GetValue<string>(), "http://iotpsk/events"]);
        all.WaitForLine(line => line == ": listening", "curl listens");
        using var device = new SmallLwm2mDevice(fleet.Gateway.CoapPort, identity, key);
        device.Register("api-1");
        Assert.StartsWith("api-1 ", fleet.Gateway.Must("lwm2m", "list"), StringComparison.Ordinal);
        Assert.Equal("/3303/0/5700 21.5", fleet.Gateway.Must("lwm2m", "read", "api-1", "/3303/0/5700").Trim());
        Assert.Equal("2.04", fleet.Gateway.Must("lwm2m", "write", "api-1", "/3303/0/5700", "42").Trim());
        Assert.Equal("42", device.Written);
        Assert.Equal("2.05", fleet.Gateway.MustJson("lwm2m", "read", "api-1", "/3303/0/5700")["code"]!.GetValue<string>());
        Assert.Equal("/3303/0/5700 21.5\n/3/0/9 95 %", fleet.Gateway.Must("lwm2m", "read", "api-1", "/3303/0/5700", "/3/0/9").Trim());

        foreach ((string[] arguments, int code, string words) in (ReadOnlySpan<(string[], int, string)>)[
            (["read", "api-1", "/9/9/9"], 1, "4.04"),
            (["read", "nobody-1", "/3/0/0"], 1, "not registered"),
            (["execute", "api-1", "/3303"], 1, "4.00 Execute does not go with"),
            (["write", "api-1", "/3303/0", "[1"], 2, "begins like SenML-JSON"),
            (["read", "api-1", "/3303/0/5700", "/temperature"], 2, "is no path"),
            (["read", "api-1", "/"], 1, "names no object"),
            (["firmware", "api-1", "app.bin"], 1, "FirmwareDirectory"),
            (["read", "api-1", "/temperature"], 2, "is no path")])
        {
            CommandResult result = fleet.Gateway.Run(["lwm2m", .. arguments]);
            Assert.Equal(code, result.ExitCode);
            Assert.Contains(words, Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }

        all.WaitForLine(line => line == "event: sessionOpened", "the session is told");
        all.WaitForLine(line => line == "event: registered", "the registration is told");
        fleet.Gateway.Must("device", "revoke", "api-1");
        all.WaitForLine(line => line == "event: revoked", "the revocation is told");
        events.WaitForLine(line => line.StartsWith("sessionClosed {", StringComparison.Ordinal) && line.Contains("\"reason\":\"revoked\"", StringComparison.Ordinal), "the end is told to whoever listens to this device");
    }

    [Fact]
    public void Loopback_does_with_the_token_what_it_does_not_do_without_and_the_token_can_change_while_it_runs()
    {
        Assert.Equal("404", Curl("/devices", "Authorization: Bearer " + Token).Code);
        string file = fleet.Lab.Directory.File("admin-token");
        WriteToken(file, Token);
        fleet.Gateway.Configuration["Admin"]!["TokenFile"] = file;
        Reload();
        (string code, string body) = Curl("/devices", "Authorization: Bearer " + Token);
        Assert.Equal("200", code);
        Assert.Contains(JsonNode.Parse(body)!.AsArray(), device => device!["id"]!.GetValue<string>() == "good-1");
        Assert.Equal("401", Curl("/devices", "Authorization: Bearer wrong").Code);
        Assert.Equal("401", Curl("/devices").Code);
        Assert.Equal("403", Curl("/devices", "Authorization: Bearer " + Token, "Origin: http://evil.example").Code);
        Assert.Equal("403", Curl("/metrics", "Host: evil.example").Code);
        Assert.Equal("200", Curl("/metrics").Code);
        Assert.StartsWith("3.1", JsonNode.Parse(Curl("/openapi.json", "Authorization: Bearer " + Token).Body)!["openapi"]!.GetValue<string>(), StringComparison.Ordinal);

        fleet.Enroll("api-2");
        using ChildProcess client = fleet.HoldCore("api-2");
        Poll.Until(() => fleet.SessionOf("api-2") is not null, "the session is live");
        Assert.Equal("405", Curl("/devices/api-2/revoke", "Authorization: Bearer " + Token).Code);
        Assert.Equal("{\"changed\":true,\"closedSessions\":1}", Curl("/devices/api-2/revoke", "-X", "Authorization: Bearer " + Token).Body.Trim());
        Assert.Equal(0, client.WaitForExit());
        Assert.Equal("{\"changed\":true}", Curl("/devices/api-2/reinstate", "-X", "Authorization: Bearer " + Token).Body.Trim());
        Assert.Equal("409", Curl("/devices/nobody/revoke", "-X", "Authorization: Bearer " + Token).Code);

        WriteToken(file, Token + "2");
        Reload();
        Assert.Equal("401", Curl("/devices", "Authorization: Bearer " + Token).Code);
        Assert.Equal("200", Curl("/devices", "Authorization: Bearer " + Token + "2").Code);
    }

    // A header per argument; "-X" stands for POST.
    private (string Code, string Body) Curl(string path, params string[] headers)
    {
        CommandResult result = ChildProcess.Run("curl", ["-sS", "-w", "\n%{http_code}", .. headers.SelectMany(header => (string[])(header == "-X" ? ["-X", "POST"] : ["-H", header])), Url(path)]);
        Assert.True(result.ExitCode == 0, result.ToString());
        int at = result.Output.LastIndexOf('\n');
        return (result.Output[(at + 1)..], result.Output[..at]);
    }

    private void Reload()
    {
        fleet.Gateway.WriteConfiguration();
        double before = fleet.Gateway.Metric("iotpsk_reloads_total", "Done");
        fleet.Gateway.Process.Signal("HUP");
        Poll.Until(() => fleet.Gateway.Metric("iotpsk_reloads_total", "Done") > before, "the reload is over", fleet.Gateway.Process.Tail);
    }

    private static void WriteToken(string file, string token)
    {
        File.WriteAllText(file, token);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
