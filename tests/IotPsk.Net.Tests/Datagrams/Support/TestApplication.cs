namespace IotPsk.Net.Tests.Datagrams;

/// <summary>Serves one shard: echoes, or does what the test wants; what happens is noted for all shards together.</summary>
internal sealed class TestApplication(DatagramBench bench, DatagramShard shard) : IDatagramApplication
{
    internal delegate void RawHandler(DatagramSession session, ReadOnlySpan<byte> plaintext);

    internal DatagramShard Shard { get; } = shard;

    /// <summary>Replaces everything else that is done with what comes.</summary>
    internal RawHandler? OnRaw { get; set; }

    public void Opened(DatagramSession session)
    {
        if (!bench.KeepsSessions) return;
        bench.Note($"opened {session.Tag}");
        lock (bench.Sessions) bench.Sessions.Add(session);
    }

    public void Received(DatagramSession session, ReadOnlySpan<byte> plaintext)
    {
        if (OnRaw is { } raw)
        {
            raw(session, plaintext);
            return;
        }
        if (plaintext.SequenceEqual("throw"u8)) throw new InvalidOperationException("application bug");
        if (bench.OnReceived is { } received) received(session, plaintext.ToArray());
        else session.Send(plaintext);
    }

    public void Alarm() => bench.Note($"alarm {Shard.Now}");

    public void Closed(DatagramSession session, CloseReason reason) => bench.Note($"ended {session.Tag} {reason}");
}
