using System.Diagnostics;
using System.Globalization;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>The TPM is asked once per device, and not by strangers: counted by the gateway itself.</summary>
public sealed class LoadTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const int Many = 1000;

    [Fact]
    public void The_second_connection_of_a_device_uses_no_TPM_command()
    {
        fleet.Enroll("twice-1");
        string bundle = fleet.BundleFile("twice-1");
        Assert.True(File.Exists(bundle));
        double hmacs = fleet.HmacCommands;
        Assert.True(fleet.Serves("twice-1"));
        Assert.Equal(1, fleet.HmacCommands - hmacs);
        double all = fleet.TpmCommands;
        for (int i = 0; i < 3; i++)
            Assert.True(fleet.Serves("twice-1"));
        Assert.Equal(0, fleet.TpmCommands - all);
    }

    [Fact]
    public void A_thousand_unknown_identities_use_no_TPM_command()
    {
        double before = fleet.TpmCommands, refused = Failures("UnknownDevice");
        SendAll(Enumerable.Range(0, Many).Select(i => (byte[][])(i % 2 == 0
            ? [Encoding.ASCII.GetBytes(Name("unknown", i) + "~1")]
            : [ClientHello.ImportedIdentity(Name("unknown", i) + "~1", Name("unknown", i), Lab.ServerId)])));
        Assert.Equal(0, fleet.TpmCommands - before);
        Assert.Equal(Many, Failures("UnknownDevice") - refused);
    }

    [Fact]
    public async Task A_thousand_false_binders_for_enrolled_devices_leave_a_known_device_alone()
    {
        string[] victims = [.. Enumerable.Range(0, Many).Select(i => Name("victim", i))];
        fleet.EnrollMany(victims);
        int mark = fleet.Gateway.Mark();
        Assert.True(fleet.Serves("good-1"));
        fleet.Gateway.WaitForLog(mark, "of good-1 ", "opened on");
        mark = fleet.Gateway.Mark();
        double hits = fleet.Gateway.Metric("iotpsk_key_cache_hits_total"), before = fleet.HmacCommands;
        long start = Stopwatch.GetTimestamp();
        var flood = Task.Run(() => SendAll(victims.Select(id => (byte[][])[ClientHello.ImportedIdentity(id + "~1", id, Lab.ServerId)])));
        int served = 0;
        while (!flood.IsCompleted || served == 0)
        {
            Assert.True(fleet.Serves("good-1"), "the known device is served in the middle of it");
            served++;
        }
        await flood;
        fleet.ToldOpened(mark, "good-1", ++served);
        Assert.Equal(served, fleet.Gateway.Metric("iotpsk_key_cache_hits_total") - hits);
        // Loopback has no limit per network: what bounds strangers here is one command per device they name, and a test of the TPM in ten seconds.
        Assert.InRange(fleet.HmacCommands - before, 1, Many + 1 + (Stopwatch.GetElapsedTime(start).TotalSeconds / 10));
    }

    private static string Name(string prefix, int number) => string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number:0000}");

    private double Failures(string reason) => fleet.Gateway.Metric("iotpsk_handshakes_failed_total", $"reason=\"{reason}\"");

    // Eight at a time; each waits for its end.
    private void SendAll(IEnumerable<byte[][]> identities) =>
        Parallel.ForEach(identities, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            each => Assert.NotNull(RawConnection.AlertFor(fleet.Gateway.Port, ClientHello.WithFalseBinders(each))));
}
