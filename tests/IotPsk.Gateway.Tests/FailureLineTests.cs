using System.Net;
using IotPsk.Gateway.Serving;
using IotPsk.Gateway.Tests.Support;
using IotPsk.Net;
using IotPsk.TestSupport;

namespace IotPsk.Gateway.Tests;

public sealed class FailureLineTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogLines _log = new();
    private readonly EventCounters _counters = new();
    private readonly SessionEvents _events;

    public FailureLineTests() => _events = new SessionEvents(_log, _counters, _time) { StillStands = _ => true };

    private void Fail(int times, string detail)
    {
        for (int i = 0; i < times; i++)
            _events.HandshakeFailed(new HandshakeFailure("mqtt", new IPEndPoint(IPAddress.Loopback, 1), HandshakeFailureReason.Rejected, null, $"{detail}, identity {i:x4}", null));
    }

    private int Lines(string word) => _log.Lines.Count(line => line.StartsWith("Warning HandshakeFailed:", StringComparison.Ordinal) && line.Contains(word, StringComparison.Ordinal));

    [Fact]
    public void A_flood_is_told_in_its_number_and_hides_no_other_reason()
    {
        Fail(5000, "UnknownDevice");
        Fail(3, "RevokedDevice");
        Assert.Equal((100, 3), (Lines("UnknownDevice"), Lines("RevokedDevice")));
        Assert.Contains(("mqtt", "UnknownDevice", 5000L), _counters.FailedHandshakes);

        _time.Advance(TimeSpan.FromSeconds(9));
        Fail(1, "UnknownDevice");
        Assert.Equal(100, Lines("UnknownDevice"));

        _time.Advance(TimeSpan.FromSeconds(1));
        Fail(2, "UnknownDevice");
        Assert.Equal(102, Lines("UnknownDevice"));
        Assert.Contains("4901 more handshakes failed for UnknownDevice", Assert.Single(_log.Lines, line => line.Contains("HandshakeFailuresUntold", StringComparison.Ordinal)), StringComparison.Ordinal);
    }
}
