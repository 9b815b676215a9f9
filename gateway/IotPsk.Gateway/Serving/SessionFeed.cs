using System.Collections.Concurrent;
using System.Threading.Channels;
using IotPsk.Net;

namespace IotPsk.Gateway.Serving;

/// <summary>A session began or ended.</summary>
/// <param name="At">When.</param>
/// <param name="Session">Which.</param>
/// <param name="End">Why it ended; null: it began.</param>
internal sealed record SessionNews(DateTimeOffset At, SessionInfo Session, CloseReason? End);

/// <summary>Tells sessions' beginnings and ends to those who listen. A slow listener loses the oldest; without one it costs a look.</summary>
internal sealed class SessionFeed(TimeProvider time)
{
    private readonly ConcurrentDictionary<Channel<SessionNews>, bool> _listeners = new();

    /// <summary>Listens until <paramref name="until"/>.</summary>
    /// <param name="capacity">How much may wait.</param>
    /// <param name="lost">Is called, on any thread, for each one that was lost.</param>
    /// <param name="until">Ends it.</param>
    internal ChannelReader<SessionNews> Listen(int capacity, Action lost, CancellationToken until)
    {
        var channel = Channel.CreateBounded<SessionNews>(new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => lost());
        _listeners[channel] = true;
        until.UnsafeRegister(_ =>
        {
            _listeners.TryRemove(channel, out bool _);
            channel.Writer.TryComplete();
        }, null);
        return channel.Reader;
    }

    internal void Tell(SessionInfo session, CloseReason? end)
    {
        if (_listeners.IsEmpty)
            return;
        var news = new SessionNews(time.GetUtcNow(), session, end);
        foreach ((Channel<SessionNews> listener, _) in _listeners)
            listener.Writer.TryWrite(news);
    }
}
