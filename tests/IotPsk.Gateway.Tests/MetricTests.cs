using System.Net;
using IotPsk.Gateway.Serving;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Tests;

public sealed class MetricTests
{
    [Fact]
    public void A_name_is_explained_once_and_labels_are_escaped() => Assert.Equal("""
        # HELP a_total Help.
        # TYPE a_total counter
        a_total{reason="x\"\\y"} 1
        a_total{reason="z"} 2.5
        # HELP b Other.
        # TYPE b gauge
        b 0

        """.ReplaceLineEndings("\n"), Metric.ToText([new("a_total", "Help.", 1, "reason", "x\"\\y"), new("a_total", "Help.", 2.5, "reason", "z"), new("b", "Other.", 0)]));

    [Theory]
    [InlineData(HandshakeFailureReason.Rejected, "UnknownDevice, identity 0011", "UnknownDevice")]
    [InlineData(HandshakeFailureReason.ResolverFailed, "TpmUnavailable: swtpm: gone, again", "TpmUnavailable")]
    [InlineData(HandshakeFailureReason.ResolverFailed, "QueueFull", "QueueFull")]
    [InlineData(HandshakeFailureReason.Timeout, null, "Timeout")]
    public void A_failure_is_counted_under_one_word(HandshakeFailureReason reason, string? detail, string word) =>
        Assert.Equal(word, FailureName.Of(new HandshakeFailure("mqtt", new IPEndPoint(IPAddress.Loopback, 1), reason, null, detail, null)));

    [Fact]
    public void A_failure_of_TLS_is_counted_under_its_exact_reason() =>
        Assert.Equal("BadRecordMac", FailureName.Of(new HandshakeFailure("mqtt", new IPEndPoint(IPAddress.Loopback, 1), HandshakeFailureReason.Tls, new TlsError(TlsErrorReason.BadRecordMac), null, null)));

    [Fact]
    public void What_the_process_holds_of_the_machine_follows_what_it_takes()
    {
        // What other tests left behind would go with the collection below.
        GC.Collect();
        Dictionary<string, double> before = Held();
        Assert.True(before["Resident"] >= before["Anonymous"] && before["Anonymous"] > before["Live"] && before["Live"] > 0, string.Join(' ', before));
        byte[] taken = GC.AllocateUninitializedArray<byte>(64 << 20);
        Random.Shared.NextBytes(taken);
        GC.Collect();
        Dictionary<string, double> with = Held();
        GC.KeepAlive(taken);
        Assert.All(before.Keys, kind => Assert.True(with[kind] > before[kind] + (32 << 20), kind));
        Assert.True(ProcessMetrics.Read().Single(metric => metric.Name == "iotpsk_threads").Value > 1);
        double files = Files();
        FileStream[] more = [.. Enumerable.Range(0, 100).Select(_ => File.OpenRead("/dev/null"))];
        Assert.True(Files() > files + 50);
        Array.ForEach(more, file => file.Dispose());

        static double Files() => ProcessMetrics.Read().Single(metric => metric.Name == "iotpsk_open_files").Value;
        static Dictionary<string, double> Held() => ProcessMetrics.Read().Where(metric => metric.Name == "iotpsk_memory_bytes").ToDictionary(metric => metric.Labels[1], metric => metric.Value);
    }

    [Fact]
    public void The_oldest_session_of_a_device_makes_room_and_an_ended_one_leaves_its_place()
    {
        var sessions = new DeviceSessions(2);
        Assert.Null(sessions.Enter(1, "a"));
        Assert.Null(sessions.Enter(2, "a"));
        Assert.Null(sessions.Enter(3, "b"));
        Assert.Equal(1, sessions.Enter(4, "a"));
        sessions.Leave(4, "a");
        Assert.Null(sessions.Enter(5, "a"));
        Assert.Equal(2, sessions.Enter(6, "a"));
    }
}
