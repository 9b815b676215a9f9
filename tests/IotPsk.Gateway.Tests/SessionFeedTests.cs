using System.Threading.Channels;
using IotPsk.Gateway.Serving;
using IotPsk.Net;

namespace IotPsk.Gateway.Tests;

public sealed class SessionFeedTests
{
    [Fact]
    public void A_slow_listener_loses_the_oldest_and_hears_how_many_and_one_that_left_hears_nothing()
    {
        var feed = new SessionFeed(TimeProvider.System);
        using var leave = new CancellationTokenSource();
        int lost = 0;
        ChannelReader<SessionNews> reader = feed.Listen(2, () => lost++, leave.Token);
        foreach (CloseReason reason in (CloseReason[])[CloseReason.PeerClosed, CloseReason.Revoked, CloseReason.Stopping])
            feed.Tell(null!, reason);
        Assert.Equal(1, lost);
        Assert.True(reader.TryRead(out SessionNews? first));
        Assert.Equal(CloseReason.Revoked, first.End);
        leave.Cancel();
        feed.Tell(null!, CloseReason.Evicted);
        Assert.True(reader.TryRead(out SessionNews? last));
        Assert.Equal(CloseReason.Stopping, last.End);
        Assert.False(reader.TryRead(out _));
        Assert.True(reader.Completion.IsCompleted);
    }
}
