namespace IotPsk.Tls.Tests.Support;

/// <summary>An owner's cache that keeps everything.</summary>
internal sealed class TestSessionCache : ISessionCache
{
    public Dictionary<string, byte[]> Sessions { get; } = [];

    public void Add(ReadOnlySpan<byte> sessionId, ReadOnlySpan<byte> ticket) => Sessions.Add(Convert.ToHexString(sessionId), ticket.ToArray());

    public bool TryFind(ReadOnlySpan<byte> sessionId, out ReadOnlyMemory<byte> ticket)
    {
        bool found = Sessions.TryGetValue(Convert.ToHexString(sessionId), out byte[]? kept);
        ticket = kept;
        return found;
    }

    public void Remove(ReadOnlySpan<byte> sessionId) => Sessions.Remove(Convert.ToHexString(sessionId));
}
