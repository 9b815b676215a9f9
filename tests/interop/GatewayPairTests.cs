using System.Diagnostics;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests;

/// <summary>Two gateways of one fleet are one to its devices and its operator.</summary>
public sealed class GatewayPairTests(GatewayPair pair) : IClassFixture<GatewayPair>
{
    private GatewayProcess A => pair.A;

    private GatewayProcess B => pair.B;

    [Fact]
    public async Task A_device_enrolled_by_one_connects_to_the_other()
    {
        A.Must("device", "enroll", "new-1");
        var credential = GatewayPair.Credential(A, "new-1");
        Assert.Equal(credential.Key, GatewayPair.Credential(B, "new-1").Key);
        await KnownAsync(B, "new-1");

        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, credential)).Reply);
        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(A, credential)).Reply);
    }

    [Fact]
    public async Task A_ticket_of_one_resumes_on_the_other_without_its_TPM()
    {
        foreach ((GatewayProcess from, GatewayProcess to, string device) in new[] { (A, B, "ticket-1"), (B, A, "ticket-2") })
        {
            from.Must("device", "enroll", device);
            await KnownAsync(to, device);
            Visit first = await GatewayPair.VisitAsync(from, GatewayPair.Credential(from, device));
            int mark = to.Mark();

            Visit second = await GatewayPair.VisitAsync(to, default, first.Ticket);

            Assert.Equal(PskBinder.Resumption, second.Session.Binder);
            Assert.EndsWith(" 0 TPM commands", to.WaitForLog(mark, "opened on", $"of {device} "), StringComparison.Ordinal);
            first.Ticket!.Dispose();
            second.Ticket?.Dispose();
        }
    }

    [Fact]
    public async Task A_revocation_at_one_ends_the_live_session_at_the_other_and_a_reinstatement_lets_it_in_again()
    {
        A.Must("device", "enroll", "lost-1");
        var credential = GatewayPair.Credential(A, "lost-1");
        await KnownAsync(B, "lost-1");
        using ChildProcess session = GatewayPair.Hold(B, credential);
        Visit visit = await GatewayPair.VisitAsync(A, credential);

        A.Must("device", "revoke", "lost-1");

        session.WaitForExit();
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayPair.VisitAsync(B, credential));
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayPair.VisitAsync(B, credential, visit.Ticket));
        B.Must("device", "reinstate", "lost-1");
        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, credential)).Reply);
        visit.Ticket!.Dispose();
    }

    [Fact]
    public async Task A_rotation_at_one_is_taken_over_by_the_other_and_a_retirement_holds_at_both()
    {
        A.Must("device", "enroll", "turn-1");
        var old = GatewayPair.Credential(A, "turn-1");
        int mark = B.Mark();
        A.Must("fleet", "rotate");
        B.WaitForLog(mark, "key is not in this gateway's TPM");
        CommandResult early = B.Run("device", "credentials", "turn-1", "--for", "tls13", "--format", "csv");
        Assert.Equal(1, early.ExitCode);
        Assert.Contains("newest, is not in this gateway's TPM", early.Error, StringComparison.Ordinal);
        var next = GatewayPair.Credential(A, "turn-1");
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayPair.VisitAsync(B, next));

        Assert.Contains("1 keys of fleet", pair.TakeOver(), StringComparison.Ordinal);

        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, next)).Reply);
        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, old)).Reply);
        string epoch = old.Identity.Split('~')[1];
        using ChildProcess session = GatewayPair.Hold(B, old);
        A.Must("fleet", "retire", epoch);
        session.WaitForExit();
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayPair.VisitAsync(B, old));
        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, next)).Reply);
        Assert.Contains($"the key of epoch {epoch} is still in the TPM", B.Must("fleet", "status"), StringComparison.Ordinal);
        B.Must("fleet", "retire", epoch);
        Assert.DoesNotContain("still in the TPM", B.Must("fleet", "status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_database_is_away_known_devices_connect_and_changes_arrive_when_it_is_back()
    {
        A.Must("device", "enroll", "calm-1");
        A.Must("device", "enroll", "calm-2");
        (string, byte[]) one = GatewayPair.Credential(A, "calm-1"), two = GatewayPair.Credential(A, "calm-2");
        await KnownAsync(B, "calm-2");
        int markA = A.Mark(), markB = B.Mark();

        pair.Server.Stop();

        A.WaitForLog(markA, "registry is not to be had");
        B.WaitForLog(markB, "registry is not to be had");
        foreach (GatewayProcess gateway in new[] { A, B })
        {
            // Their keys are in no cache: the TPM is asked, and the database is not.
            Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(gateway, one)).Reply);
            Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(gateway, two)).Reply);
            Assert.True(gateway.IsHealthy());
        }

        CommandResult refused = A.Run("device", "revoke", "calm-1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("cannot be reached", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(" at IotPsk", refused.Error, StringComparison.Ordinal);
        pair.Server.Start();
        A.WaitForLog(markA, "registry is there again");
        B.WaitForLog(markB, "registry is there again");
        using ChildProcess session = GatewayPair.Hold(B, one);
        A.Must("device", "revoke", "calm-1");
        session.WaitForExit();
        Assert.Equal("HTTP/1.1 200", (await GatewayPair.VisitAsync(B, two)).Reply);
    }

    [Fact]
    public void A_database_put_back_to_before_a_revocation_is_noticed_by_either_gateway()
    {
        A.Must("device", "enroll", "back-1");
        A.Stop();
        B.Stop();
        string before = pair.Server.CreateDatabase(pair.Database), now = pair.Database;
        A.Start();
        B.Start();
        A.Must("device", "revoke", "back-1");
        // Each gateway's TPM remembers in its own time.
        Poll.Until(() => pair.Server.Scalar(now, "SELECT count(*) FROM iotpsk.nodes WHERE nv_state = 0") == 2, "both TPMs know of the revocation");
        A.Stop();
        B.Stop();
        foreach (GatewayProcess gateway in new[] { A, B })
        {
            string right = gateway.Configuration["Registry"]!["Postgres"]!.GetValue<string>();
            gateway.Configuration["Registry"]!["Postgres"] = pair.Server.Connection(before);
            gateway.WriteConfiguration();
            CommandResult noticed = gateway.Run("serve");
            gateway.Configuration["Registry"]!["Postgres"] = right;
            gateway.WriteConfiguration();
            Assert.Equal(1, noticed.ExitCode);
            Assert.Contains("put back to a former state", noticed.Error, StringComparison.Ordinal);
        }

        A.Start();
        B.Start();
    }

    [Theory]
    [InlineData("Port=1", "", "cannot be reached")]
    [InlineData("Database=nowhere", "", "createdb")]
    [InlineData("", "wr0ng-password", "does not let user iotpsk in")]
    public void A_wrong_way_to_the_database_is_told_in_one_line_and_without_the_password(string connection, string password, string words)
    {
        string file = pair.F("wrong.json"), secret = pair.F("wrong-password");
        File.WriteAllText(secret, password.Length > 0 ? password : pair.Server.Password);
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        JsonNode configuration = A.Configuration.DeepClone();
        // A serves, and has its state directory to itself.
        configuration["State"] = pair.Directory("wrong-state");
        configuration["Registry"] = new JsonObject { ["Postgres"] = $"{pair.Server.Connection(pair.Database)};{connection}", ["PasswordFile"] = secret };
        File.WriteAllText(file, configuration.ToJsonString());

        foreach (string[] verb in new string[][] { ["serve"], ["fleet", "status"], ["device", "enroll", "x"] })
        {
            CommandResult result = ChildProcess.Run(Repository.Gateway, [.. verb, "--config", file]);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains(words, Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
            Assert.DoesNotContain("wr0ng", result.Error + result.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(A.Process.Lines.Concat(B.Process.Lines), line => line.Contains(pair.Server.Password, StringComparison.Ordinal));
    }

    private static async Task KnownAsync(GatewayProcess gateway, string device)
    {
        // The gateway that enrolled it was told; the other one hears of it.
        (string, byte[]) credential = GatewayPair.Credential(gateway, device);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var ticket = (await GatewayPair.VisitAsync(gateway, credential)).Ticket;
                return;
            }
            catch (Exception e) when (e is PskTlsException or IOException && Stopwatch.GetElapsedTime(start) < Poll.Patience)
            {
                await Task.Delay(50);
            }
        }
    }
}
