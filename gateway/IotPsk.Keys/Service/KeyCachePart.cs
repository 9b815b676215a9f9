namespace IotPsk.Keys;

/// <summary>One part of the cache: the keys of a device are all in the same part, chained to each other.</summary>
internal sealed class KeyCachePart(LockedMemory memory, int capacity, int probation) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _devices = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _proved = new();
    private readonly LinkedList<Entry> _unproved = new();
    private bool _disposed;

    internal int ProvedCount
    {
        get
        {
            lock (_gate)
                return _proved.Count;
        }
    }

    internal int ProbationCount
    {
        get
        {
            lock (_gate)
                return _unproved.Count;
        }
    }

    internal bool TryGet(in KeyId id, Span<byte> key, out int length)
    {
        lock (_gate)
        {
            length = 0;
            if (Find(id) is not { } entry)
                return false;
            length = id.Use.KeySize();
            memory.Slot(entry.Slot)[..length].CopyTo(key);
            if (entry.IsProved)
                ToFront(entry);
            return true;
        }
    }

    internal void Add(in KeyId id, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            if (_disposed || Find(id) != null)
                return;
            if (_unproved.Count >= probation)
                Remove(_unproved.Last!.Value);
            var entry = new Entry(id, memory.Rent());
            key.CopyTo(memory.Slot(entry.Slot));
            if (_devices.TryGetValue(id.DeviceId, out var first))
                entry.Next = first;
            _devices[id.DeviceId] = entry;
            _unproved.AddFirst(entry.Node);
        }
    }

    internal bool Promote(in KeyId id)
    {
        lock (_gate)
        {
            if (Find(id) is not { } entry)
                return false;
            if (entry.IsProved)
                return true;
            if (_proved.Count >= capacity)
                Remove(_proved.Last!.Value);
            _unproved.Remove(entry.Node);
            _proved.AddFirst(entry.Node);
            entry.IsProved = true;
            return true;
        }
    }

    internal bool IsProved(in KeyId id)
    {
        lock (_gate)
            return Find(id) is { IsProved: true };
    }

    internal void EvictUnproved(in KeyId id)
    {
        lock (_gate)
        {
            if (Find(id) is { IsProved: false } entry)
                Remove(entry);
        }
    }

    internal void EvictUnproved()
    {
        lock (_gate)
        {
            while (_unproved.First is { } node)
                Remove(node.Value);
        }
    }

    internal void Evict(string deviceId)
    {
        lock (_gate)
        {
            while (_devices.TryGetValue(deviceId, out var entry))
                Remove(entry);
        }
    }

    internal void EvictEpochs(Func<int, bool> isAccepted)
    {
        lock (_gate)
        {
            foreach (var list in new[] { _proved, _unproved })
            {
                for (var node = list.First; node != null;)
                {
                    var next = node.Next;
                    if (!isAccepted(node.Value.Id.Epoch))
                        Remove(node.Value);
                    node = next;
                }
            }
        }
    }

    internal void VisitProved(KeyVisitor visit)
    {
        lock (_gate)
        {
            for (var node = _proved.Last; node != null; node = node.Previous)
                visit(node.Value.Id, memory.Slot(node.Value.Slot)[..node.Value.Id.Use.KeySize()]);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _devices.Clear();
            _proved.Clear();
            _unproved.Clear();
        }
    }

    private Entry? Find(in KeyId id)
    {
        if (!_devices.TryGetValue(id.DeviceId, out var entry))
            return null;
        while (entry != null && (entry.Id.Epoch != id.Epoch || entry.Id.Use != id.Use))
            entry = entry.Next;
        return entry;
    }

    private void ToFront(Entry entry)
    {
        if (_proved.First == entry.Node)
            return;
        _proved.Remove(entry.Node);
        _proved.AddFirst(entry.Node);
    }

    private void Remove(Entry entry)
    {
        var deviceId = entry.Id.DeviceId;
        var first = _devices[deviceId];
        if (first != entry)
        {
            var before = first;
            while (before.Next != entry)
                before = before.Next!;
            before.Next = entry.Next;
        }
        else if (entry.Next != null)
        {
            _devices[deviceId] = entry.Next;
        }
        else
        {
            _devices.Remove(deviceId);
        }

        (entry.IsProved ? _proved : _unproved).Remove(entry.Node);
        memory.Return(entry.Slot);
    }

    private sealed class Entry
    {
        internal Entry(in KeyId id, int slot)
        {
            Id = id;
            Slot = slot;
            Node = new LinkedListNode<Entry>(this);
        }

        internal KeyId Id { get; }

        internal int Slot { get; }

        internal LinkedListNode<Entry> Node { get; }

        internal Entry? Next { get; set; }

        internal bool IsProved { get; set; }
    }
}
