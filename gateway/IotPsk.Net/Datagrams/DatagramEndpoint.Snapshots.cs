using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>Associations outlive the process: out before it ends, in before the first datagram is taken.</summary>
internal sealed partial class DatagramEndpoint
{
    /// <summary>
    /// Closes the port without a word and returns what its associations need to go on. From now on nothing can be sealed
    /// under their keys here.
    /// </summary>
    /// <returns>A pinned array that the caller zeroes, and how many associations are in it.</returns>
    internal (byte[] Plain, int Count) Suspend(Func<SessionInfo, byte[]?> saveTag)
    {
        if (_closed) return ([], 0);
        try
        {
            return SaveAll(saveTag);
        }
        finally
        {
            Close(sayGoodbye: false);
        }
    }

    private (byte[] Plain, int Count) SaveAll(Func<SessionInfo, byte[]?> saveTag)
    {
        var saved = new List<(DatagramSession Session, byte[] Tag)>(Table.Count);
        var length = 0;
        foreach (var session in Sessions())
        {
            if (saveTag(session) is not { Length: <= ushort.MaxValue } tag) continue;
            saved.Add((session, tag));
            length += SavedSession.Length(tag.Length, session.Dtls!.SavedLength);
        }
        var plain = GC.AllocateArray<byte>(length, pinned: true);
        var rest = plain.AsSpan();
        foreach (var (session, tag) in saved) rest = rest[Save(session, tag, rest)..];
        return (plain, saved.Count);
    }

    /// <summary>Takes in what an earlier run has saved and belongs to this shard. Before <see cref="Start"/>.</summary>
    internal void Restore(DatagramSnapshot snapshot)
    {
        foreach (var start in FindOwn(snapshot))
        {
            var source = snapshot.Plain[start..];
            SavedSession.TryRead(ref source, out var saved);
            try
            {
                if (snapshot.LoadTag(saved.Tag.ToArray()) is { } tag) Restore(saved, tag);
            }
            catch (Exception exception)
            {
                // One that cannot be read costs its device a handshake.
                _shard.Fault(exception);
            }
        }
    }

    // Two shards of the earlier run may have become one: the oldest come first all the same, for the table keeps that order.
    private List<int> FindOwn(DatagramSnapshot snapshot)
    {
        var own = new List<(long Heard, int Start)>();
        var source = snapshot.Plain;
        for (var start = 0; SavedSession.TryRead(ref source, out var saved); start = snapshot.Plain.Length - source.Length)
            if (saved.Shard % _siblings.Length == ShardIndex) own.Add((saved.HeardTicks, start));
        own.Sort();
        return own.ConvertAll(each => each.Start);
    }

    private int Save(DatagramSession session, byte[] tag, Span<byte> target)
    {
        var dtls = session.Dtls!;
        var engineLength = dtls.SavedLength;
        var saved = new SavedSession
        {
            Key = session.Key,
            Hello = session.Hello,
            // What routes its datagrams: after an earlier restart with fewer shards the id may name another than this one.
            Shard = dtls.UsesConnectionId ? ConnectionIds.ShardByteOf(dtls.LocalConnectionId) : (byte)ShardIndex,
            Address = session.ProvedAddress,
            AcceptedTicks = session.AcceptedAt.UtcTicks,
            ConnectedTicks = session.ConnectedAt!.Value.UtcTicks,
            HeardTicks = Loop.UtcNow.UtcTicks - ((Loop.Now - session.LastHeard) * TimeSpan.TicksPerMillisecond),
            BytesUp = session.BytesUp,
            BytesDown = session.BytesDown,
            Tag = tag,
        };
        dtls.Save(saved.Write(target, engineLength, out var written));
        return written;
    }

    private void Restore(in SavedSession saved, object tag)
    {
        if (Table.Find(saved.Key) is not null) return;
        var dtls = PskDtlsServer.Load(_listener.Options.Dtls, saved.Engine);
        dtls.Mtu = Outbox.Size;
        var session = new DatagramSession(this, saved.Key, saved.Address, new DateTimeOffset(saved.AcceptedTicks, TimeSpan.Zero))
        {
            Id = IdOf(saved.Key),
            Tag = tag,
            Hello = saved.Hello,
        };
        session.Restored(dtls, new DateTimeOffset(saved.ConnectedTicks, TimeSpan.Zero), saved.BytesUp, saved.BytesDown);
        Gate.Restored();
        Counters.Restored++;
        if (Table.Find(session.Address) is { } other) Table.RemoveAddress(other);
        Enter(session);
        session.LastHeard = Loop.Now - Math.Max(0, (Loop.UtcNow.UtcTicks - saved.HeardTicks) / TimeSpan.TicksPerMillisecond);
        ArmIdle();
        if (!session.HasConnectionId) _listener.RestoredAddresses[session.Address] = ShardIndex;
        Events.Restored(session);
        _application.Opened(session);
    }

    /// <summary>
    /// The kernel may have spread addresses over the sockets differently in the earlier run: what has nothing but its address
    /// is then passed on to the shard that took its association in.
    /// </summary>
    private bool TryPassOn(ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        var restored = _listener.RestoredAddresses;
        if (restored.IsEmpty || !restored.TryGetValue(source, out var shard) || shard == ShardIndex) return false;
        HandOver(_siblings[shard], datagram, source);
        return true;
    }
}
