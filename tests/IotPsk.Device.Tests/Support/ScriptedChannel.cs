namespace IotPsk.Device.Tests.Support;

/// <summary>A connection whose other end is the test: waiting in vain costs virtual time only.</summary>
internal sealed class ScriptedChannel(FakeClock clock, int pieces = int.MaxValue) : IByteChannel
{
    private readonly Queue<byte> _incoming = new();

    /// <summary>Everything that was sent.</summary>
    internal List<byte> Sent { get; } = [];

    /// <summary>How many bytes nobody received yet.</summary>
    internal int Unread => _incoming.Count;

    internal bool IsClosed { get; private set; }

    /// <summary>Called with what is sent, after it is kept.</summary>
    internal Action<byte[]>? Answer { get; set; }

    internal void Deliver(params byte[] bytes)
    {
        foreach (byte value in bytes)
            _incoming.Enqueue(value);
    }

    internal byte[] TakeSent()
    {
        byte[] sent = [.. Sent];
        Sent.Clear();
        return sent;
    }

    public int Receive(byte[] buffer, int offset, int count, int timeout)
    {
        if (_incoming.Count == 0)
        {
            clock.Advance(timeout);
            return -1;
        }
        int n = Math.Min(Math.Min(count, pieces), _incoming.Count);
        for (int i = 0; i < n; i++)
            buffer[offset + i] = _incoming.Dequeue();
        return n;
    }

    public void Send(byte[] buffer, int offset, int count)
    {
        byte[] bytes = buffer[offset..(offset + count)];
        Sent.AddRange(bytes);
        Answer?.Invoke(bytes);
    }

    public void Close() => IsClosed = true;
}
