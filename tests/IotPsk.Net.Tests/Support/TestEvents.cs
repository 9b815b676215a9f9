using System.Diagnostics;
using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Support;

/// <summary>Keeps what a shard set tells, and waits for it.</summary>
internal sealed class TestEvents : INetEvents
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly object _gate = new();
    private readonly List<string> _log = [];

    internal List<HandshakeFailure> Failures { get; } = [];

    internal List<(SessionInfo Session, CloseReason Reason, TlsError? Cause)> Ends { get; } = [];

    internal List<SessionInfo> Sessions { get; } = [];

    internal List<Exception> Faults { get; } = [];

    internal Action<SessionInfo>? OnConnected { get; set; }

    /// <summary>Every event throws after it was noted.</summary>
    internal bool AlwaysThrows { get; set; }

    /// <summary>Nothing is kept, for tests that count memory.</summary>
    internal bool IsDeaf { get; set; }

    internal int Count(string prefix)
    {
        lock (_gate) return _log.Count(line => line.StartsWith(prefix, StringComparison.Ordinal));
    }

    /// <summary>Waits until <paramref name="count"/> lines begin with <paramref name="prefix"/>; says what there is if they do not come.</summary>
    internal void Wait(string prefix, int count = 1)
    {
        var since = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (_log.Count(line => line.StartsWith(prefix, StringComparison.Ordinal)) < count)
            {
                var left = Patience - Stopwatch.GetElapsedTime(since);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                    throw new TimeoutException($"Waited for {count} x '{prefix}' and have: {string.Join("; ", _log.TakeLast(20))}");
            }
        }
    }

    public void Accepted(string listener, IPEndPoint remote) => Note("accepted", () => { });

    public void Refused(string listener, IPEndPoint remote, RefusalReason reason) => Note($"refused {reason}", () => { });

    public void HandshakeFailed(in HandshakeFailure failure)
    {
        var copy = failure;
        Note($"failed {failure.Reason}", () => Failures.Add(copy));
    }

    public void Connected(SessionInfo session)
    {
        OnConnected?.Invoke(session);
        Note("connected", () => Sessions.Add(session));
    }

    public void UpstreamFailed(SessionInfo session, EndPoint upstream, string cause) => Note($"upstream {cause}", () => { });

    public void Closed(SessionInfo session, CloseReason reason, TlsError? cause) =>
        Note($"closed {reason}", () => Ends.Add((session, reason, cause)));

    public void Fault(Exception exception) => Note($"fault {exception.Message}", () => Faults.Add(exception));

    private void Note(string line, Action keep)
    {
        if (IsDeaf) return;
        lock (_gate)
        {
            keep();
            _log.Add(line);
            Monitor.PulseAll(_gate);
        }
        if (AlwaysThrows) throw new InvalidOperationException("sink bug");
    }
}
