using System.Net;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>What the gateway depends on goes away and comes back; it goes on for everybody it can.</summary>
public sealed class FaultTests : IDisposable
{
    private const int InternalError = 80;
    private readonly Fleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    private GatewayProcess Gateway => _fleet.Gateway;

    [Fact]
    public void Without_its_TPM_the_gateway_serves_known_devices_and_says_what_is_missing_until_it_is_back()
    {
        _fleet.Enroll("new-1");
        string bundle = _fleet.BundleFile("new-1");
        _fleet.Lab.Tpm.Kill();
        int mark = Gateway.Mark();
        CommandResult failed = _fleet.Core(bundle, []);
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains($"[alert {InternalError}]", failed.Error, StringComparison.Ordinal);
        _fleet.ToldOnce(mark, "Handshake failed", "TpmUnavailable");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, Gateway.Get("/healthz").Status);
        Assert.Contains("TPM", Gateway.Get("/healthz").Body, StringComparison.Ordinal);
        Assert.True(_fleet.Serves("good-1"), "a known device is served from the cache");

        _fleet.Lab.Tpm.Start();
        Poll.Until(() => _fleet.Serves("new-1"), "the new device is served once the TPM is back");
        Poll.Until(Gateway.IsHealthy, "the gateway is healthy again");
    }

    [Fact]
    public async Task A_TPM_that_hangs_fills_its_queue_and_the_rest_fails_at_once_while_known_devices_are_served()
    {
        string[] devices = [.. Enumerable.Range(0, 300).Select(i => $"new-{i}")];
        _fleet.EnrollMany(devices);
        _fleet.Lab.Tpm.Hold();
        int mark = Gateway.Mark();
        var alerts = Task.WhenAll(devices.Select(id => Task.Factory.StartNew(
            () => RawConnection.AlertFor(Gateway.Port, ClientHello.WithFalseBinder(id + "~1")), TaskCreationOptions.LongRunning)));
        Gateway.WaitForLog(mark, "Handshake failed", "QueueFull");
        Assert.True(_fleet.Serves("good-1"), "a known device is served");
        Assert.All(await alerts, alert => Assert.Equal(InternalError, alert));
        _fleet.Lab.Tpm.Resume();
        Poll.Until(Gateway.IsHealthy, "the gateway is healthy again");
    }

    [Fact]
    public void Without_its_broker_devices_are_told_and_come_back_with_it()
    {
        _fleet.Lab.Broker.Stop();
        int mark = Gateway.Mark();
        CommandResult result = _fleet.Core(_fleet.BundleFile("good-1"), MqttBytes.Connect());
        Assert.Equal(" \u0002\0\u0003", result.Output);
        Gateway.WaitForLog(mark, "Upstream", "cannot be reached");
        Assert.Equal(HttpStatusCode.OK, Gateway.Get("/healthz").Status);
        _fleet.Lab.Broker.Start();
        _fleet.ToldOnce(mark, "Upstream", "cannot be reached");
    }

    [Fact]
    public void A_broker_that_dies_ends_the_sessions_with_close_notify()
    {
        using ChildProcess client = _fleet.HoldCore("good-1");
        Poll.Until(() => _fleet.SessionOf("good-1") is not null, "the session is live");
        _fleet.Lab.Broker.Stop();
        Assert.Equal(0, client.WaitForExit());
        Assert.Empty(Gateway.Sessions());
        _fleet.Lab.Broker.Start();
        Assert.True(_fleet.Serves("good-1"));
    }

    [Fact]
    public void Another_TPM_in_the_place_of_the_fleets_gives_nobody_a_key()
    {
        _fleet.EnrollMany(["new-1", "new-2"]);
        string first = _fleet.BundleFile("new-1"), second = _fleet.BundleFile("new-2"), handle = _fleet.FleetKeyHandle;
        _fleet.Lab.Tpm.Swap("other-tpm");
        // It even has a key at the fleet key's handle: another fleet's.
        CommandResult made = ChildProcess.Run(Repository.Gateway,
            ["fleet", "init", "--server-id", Lab.ServerId, "--state", _fleet.Lab.Directory.File("other-state"), "--tpm", _fleet.Lab.Tpm.Tcti]);
        Assert.True(made.ExitCode == 0, made.ToString());
        Assert.Equal(0, _fleet.Lab.Tpm.Tool("readpublic", "-c", handle).ExitCode);

        // Each command is a connection of its own, so that nothing but a key that does not fit tells the two apart.
        int mark = Gateway.Mark();
        Assert.Equal(1, _fleet.Core(first, []).ExitCode);
        _fleet.ToldOnce(mark, "Handshake failed", "binder does not verify");
        Poll.Until(() => !Gateway.IsHealthy(), "the gateway notices");
        Assert.Contains("holds another key", Gateway.Get("/healthz").Body, StringComparison.Ordinal);
        mark = Gateway.Mark();
        Assert.Contains($"[alert {InternalError}]", _fleet.Core(second, []).Error, StringComparison.Ordinal);
        _fleet.ToldOnce(mark, "Handshake failed", "TpmUnavailable", "holds another key");

        _fleet.Lab.Tpm.Swap("tpm");
        Poll.Until(Gateway.IsHealthy, "the gateway is healthy again");
        // The other TPM's key for new-1 is not kept; its bucket of attempts may need a moment.
        Poll.Until(() => _fleet.Serves("new-1") && _fleet.Serves("new-2"), "both devices are served");
    }

    [Fact]
    public void A_TPM_that_hangs_does_not_keep_the_gateway_from_stopping_in_order()
    {
        _fleet.Enroll("new-1");
        using ChildProcess client = _fleet.HoldCore("good-1");
        Poll.Until(() => _fleet.SessionOf("good-1") is not null, "the session is live");
        _fleet.Lab.Tpm.Hold();
        using var waiting = new RawConnection(Gateway.Port);
        waiting.Send(ClientHello.WithFalseBinder("new-1~1"));
        Poll.Until(() => Gateway.Metric("iotpsk_handshakes_in_progress") == 1, "a handshake waits for the TPM");
        Gateway.Process.Signal("TERM");
        Assert.Equal(0, Gateway.Process.WaitForExit());
        Assert.Equal(0, client.WaitForExit());
        _fleet.Lab.Tpm.Resume();
    }

    [Fact]
    public void A_second_gateway_is_told_what_is_in_its_way()
    {
        string kept = Path.Combine(Gateway.State, "registrations.jsonl");
        string keptBefore = ChildProcess.Run("stat", ["-c", "%i %y", kept]).Output;
        CommandResult state = Gateway.Run("serve");
        Assert.Equal(1, state.ExitCode);
        Assert.Equal("", state.Output);
        Assert.StartsWith("iotpsk: Another gateway runs with the state directory " + Gateway.State, state.Error, StringComparison.Ordinal);
        Assert.Equal(keptBefore, ChildProcess.Run("stat", ["-c", "%i %y", kept]).Output);

        Gateway.Configuration["State"] = _fleet.Lab.Directory.File("second");
        var listeners = Gateway.Configuration["Listeners"]!.AsArray();
        listeners.RemoveAt(listeners.Count - 1); // lwm2m, whose port is taken first
        Gateway.WriteConfiguration();
        Assert.Equal(0, Gateway.Run("fleet", "init").ExitCode);
        CommandResult same = Gateway.Run("serve");
        Assert.Equal(1, same.ExitCode);
        Assert.Contains("mqtt", same.Error, StringComparison.Ordinal);
        Assert.Contains(Gateway.Address, same.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", same.ToString(), StringComparison.Ordinal);

        foreach (System.Text.Json.Nodes.JsonNode? listener in Gateway.Configuration["Listeners"]!.AsArray())
            listener!["Listen"] = $"{listener["Listen"]!.GetValue<string>()[..3]}://127.0.0.1:{FreePorts.Take()}";
        Gateway.WriteConfiguration();
        CommandResult socket = Gateway.Run("serve");
        Assert.Equal(1, socket.ExitCode);
        Assert.Contains("admin socket", socket.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", socket.ToString(), StringComparison.Ordinal);

        string owned = Gateway.Configuration["Admin"]!["Socket"]!.GetValue<string>();
        Gateway.Configuration["Admin"]!["Socket"] = _fleet.Lab.Directory.File("second.sock");
        Gateway.WriteConfiguration();
        CommandResult http = Gateway.Run("serve");
        Assert.Equal(1, http.ExitCode);
        Assert.Contains(Gateway.Configuration["Admin"]!["Http"]!.GetValue<string>()["http://".Length..], http.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", http.ToString(), StringComparison.Ordinal);
        Assert.True(File.Exists(owned), "the first gateway's socket is still there");
        Assert.True(_fleet.Serves("good-1"));
    }

    [Fact]
    public void A_file_at_the_path_of_the_admin_socket_is_not_lost()
    {
        Gateway.Stop();
        string file = _fleet.Lab.Directory.File("precious");
        File.WriteAllText(file, "data");
        Gateway.Configuration["Admin"]!["Socket"] = file;
        Gateway.WriteConfiguration();
        CommandResult refused = Gateway.Run("serve");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(file, refused.Error, StringComparison.Ordinal);
        Assert.Equal("data", File.ReadAllText(file));
    }

    [Fact]
    public void A_gateway_that_was_killed_leaves_nothing_that_stops_the_next_one()
    {
        using ChildProcess client = _fleet.HoldCore("good-1");
        Gateway.Process.Signal("KILL");
        Gateway.Process.WaitForExit();
        Assert.Equal(1, client.WaitForExit());          // no close_notify: the device knows that it was cut off
        Gateway.Start();
        Assert.True(_fleet.Serves("good-1"));
    }

    [Fact]
    public void A_configuration_that_is_wrong_is_refused_with_every_fault_and_its_place()
    {
        Gateway.Configuration["Limts"] = 1;
        Gateway.Configuration["Listeners"]![0]!["Upstrem"] = "tcp://127.0.0.1:1";
        Gateway.WriteConfiguration();
        foreach (string verb in (string[])["serve", "check-config"])
        {
            CommandResult refused = Gateway.Run(verb);
            Assert.Equal(1, refused.ExitCode);
            foreach (string word in (string[])["$.Limts", "Limits?", "$.Listeners[0].Upstrem", "Upstream?"])
                Assert.Contains(word, refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", refused.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_stop_says_goodbye_to_everybody_and_is_a_success()
    {
        _fleet.Enroll("held-1");
        using ChildProcess openssl = _fleet.HoldOpenssl(_fleet.OpensslArguments("held-1")), core = _fleet.HoldCore("good-1");
        Poll.Until(() => _fleet.SessionOf("held-1") is not null && _fleet.SessionOf("good-1") is not null, "both sessions are live");
        Gateway.Process.Signal("TERM");
        Assert.Equal(0, Gateway.Process.WaitForExit());
        Assert.Equal(0, core.WaitForExit());
        openssl.WaitForExit();
        Assert.DoesNotContain(openssl.Lines, line => line.Contains("unexpected eof", StringComparison.OrdinalIgnoreCase));
        Assert.False(File.Exists(Gateway.Configuration["Admin"]!["Socket"]!.GetValue<string>()), "the admin socket is gone");
        Assert.DoesNotContain(Gateway.Process.Lines, line => line.Contains(" warn: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_revocation_holds_without_the_admin_socket_too()
    {
        _fleet.Enroll("held-2");
        using ChildProcess client = _fleet.HoldCore("held-2");
        Poll.Until(() => _fleet.SessionOf("held-2") is not null, "the session is live");
        CommandResult revoked = ChildProcess.Run(Repository.Gateway, ["device", "revoke", "held-2", "--state", Gateway.State, "--tpm", _fleet.Lab.Tpm.Tcti]);
        Assert.True(revoked.ExitCode == 0, revoked.ToString());
        Assert.Equal(0, client.WaitForExit());
        Assert.Equal(1, Gateway.Metric("iotpsk_sessions_closed_total", "Revoked"));
        int mark = Gateway.Mark();
        Assert.Contains("[alert 51]", _fleet.Core(_fleet.BundleFile("held-2"), []).Error, StringComparison.Ordinal);
        _fleet.ToldOnce(mark, "Handshake failed", "RevokedDevice");
    }

    [Fact]
    public void The_admin_socket_is_for_its_owner_alone() =>
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Gateway.Configuration["Admin"]!["Socket"]!.GetValue<string>()));
}
