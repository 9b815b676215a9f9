using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>What the owner of a running gateway sees and ends through its admin socket, with devices at the other end.</summary>
public sealed class AdminTests(Fleet fleet) : IClassFixture<Fleet>
{
    [Fact]
    public void A_session_is_listed_as_its_device_sees_it_and_closing_it_is_a_close_notify()
    {
        fleet.Enroll("seen-1");
        using ChildProcess client = fleet.HoldCore("seen-1");
        JsonNode session = Poll.For(() => fleet.SessionOf("seen-1"), "the session is listed");
        Dictionary<string, string> device = client.Lines.Single(line => line.StartsWith("connected ", StringComparison.Ordinal))
            .Split(' ').Skip(1).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        foreach ((string ours, string theirs) in (Dictionary<string, string>)new()
        {
            ["version"] = device["version"],
            ["cipherSuite"] = device["suite"],
            ["keyExchange"] = device["keyExchange"],
            ["imported"] = device["imported"],
            ["handshakeBytesReceived"] = device["handshakeBytesSent"],
            ["handshakeBytesSent"] = device["handshakeBytesReceived"],
            ["listener"] = "mqtt",
            ["epoch"] = "1",
            ["tpmCommands"] = "1",
        })
        {
            Assert.Equal((ours, theirs), (ours, session[ours]!.ToString()));
        }

        string id = session["id"]!.GetValue<string>();
        Assert.Contains(fleet.Gateway.Must("session", "list").Split('\n'), line => line.StartsWith(id + " ", StringComparison.Ordinal) && line.Contains(" seen-1 ", StringComparison.Ordinal));
        fleet.Gateway.Must("session", "close", id);
        Assert.Equal(0, client.WaitForExit());
        Assert.Null(fleet.SessionOf("seen-1"));
        Assert.True(fleet.Serves("seen-1"), "a closed session is no revocation");
    }

    [Fact]
    public void A_revocation_ends_the_live_sessions_of_that_device_alone_and_says_how_many()
    {
        fleet.Enroll("out-1");
        fleet.Enroll("stays-1");
        using ChildProcess first = fleet.HoldOpenssl(fleet.OpensslArguments("out-1")), stays = fleet.HoldCore("stays-1");
        Poll.Until(() => fleet.SessionOf("out-1") is not null && fleet.SessionOf("stays-1") is not null, "both sessions are live");
        JsonNode revoked = fleet.Gateway.MustJson("device", "revoke", "out-1");
        Assert.Equal((true, 1), (revoked["changed"]!.GetValue<bool>(), revoked["closedSessions"]!.GetValue<int>()));
        Assert.Null(fleet.SessionOf("out-1"));
        first.WaitForExit();
        Assert.NotNull(fleet.SessionOf("stays-1"));
        Assert.False(stays.HasExited);
        JsonNode again = fleet.Gateway.MustJson("device", "revoke", "out-1");
        Assert.Equal((false, 0), (again["changed"]!.GetValue<bool>(), again["closedSessions"]!.GetValue<int>()));
    }

    [Fact]
    public void A_revocation_stands_though_the_gateway_does_not_answer_and_holds_when_it_goes_on()
    {
        fleet.Enroll("out-2");
        using ChildProcess client = fleet.HoldCore("out-2");
        Poll.Until(() => fleet.SessionOf("out-2") is not null, "the session is live");
        fleet.Gateway.Process.Signal("STOP");
        CommandResult revoked;
        try
        {
            revoked = fleet.Gateway.Run("device", "revoke", "out-2");
        }
        finally
        {
            fleet.Gateway.Process.Signal("CONT");
        }
        Assert.True(revoked.ExitCode == 0, revoked.ToString());
        Assert.Contains("did not answer", Assert.Single(revoked.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(0, client.WaitForExit());
        Assert.True(fleet.Serves("good-1"));
    }

    [Fact]
    public void Without_a_gateway_the_admin_verbs_say_so_and_the_registry_can_still_be_changed()
    {
        string socket = fleet.Gateway.Configuration["Admin"]!["Socket"]!.GetValue<string>();
        fleet.Gateway.Configuration["Admin"]!["Socket"] = fleet.Lab.Directory.File("nobody.sock");
        fleet.Gateway.WriteConfiguration();
        try
        {
            CommandResult list = fleet.Gateway.Run("session", "list");
            Assert.Equal(1, list.ExitCode);
            Assert.StartsWith("iotpsk: no gateway is running", Assert.Single(list.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
            fleet.Enroll("later-1");
        }
        finally
        {
            fleet.Gateway.Configuration["Admin"]!["Socket"] = socket;
            fleet.Gateway.WriteConfiguration();
        }
        Poll.Until(() => fleet.Serves("later-1"), "the gateway sees the enrolment by itself");
    }
}
