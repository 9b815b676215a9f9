using System.Security.Cryptography;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// The associations of one shard: by connection id, by address, and by age. The links are part of the sessions, so an
/// association costs two references in the buckets, and every operation is O(1).
/// </summary>
internal sealed class SessionTable
{
    private const int SmallestSize = 256;

    // Peers choose addresses, but not the buckets they fall into.
    private readonly ulong _first = RandomNumber();
    private readonly ulong _second = RandomNumber();
    private DatagramSession?[] _byKey = new DatagramSession?[SmallestSize];
    private DatagramSession?[] _byAddress = new DatagramSession?[SmallestSize];
    private DatagramSession? _oldest;
    private DatagramSession? _newest;

    internal int Count { get; private set; }

    /// <summary>The association that was silent longest.</summary>
    internal DatagramSession? Oldest => _oldest;

    internal DatagramSession? Find(uint key)
    {
        var session = _byKey[Bucket(key)];
        while (session is not null && session.Key != key) session = session.NextOfKey;
        return session;
    }

    internal DatagramSession? Find(in PeerAddress address)
    {
        var session = _byAddress[Bucket(address)];
        while (session is not null && session.Address != address) session = session.NextOfAddress;
        return session;
    }

    /// <summary>Adds a session under its key, as the youngest. Its key must be free.</summary>
    internal void Add(DatagramSession session)
    {
        if (Count == _byKey.Length) Grow();
        ref var bucket = ref _byKey[Bucket(session.Key)];
        session.NextOfKey = bucket;
        bucket = session;
        LinkNewest(session);
        Count++;
    }

    /// <summary>Lets a session be found by its address, too. No other may have that address.</summary>
    internal void AddAddress(DatagramSession session)
    {
        ref var bucket = ref _byAddress[Bucket(session.Address)];
        session.NextOfAddress = bucket;
        bucket = session;
        session.IsFoundByAddress = true;
    }

    /// <summary>From now on the session is found by its key alone. Before its address changes.</summary>
    internal void RemoveAddress(DatagramSession session)
    {
        if (!session.IsFoundByAddress) return;
        ref var link = ref _byAddress[Bucket(session.Address)];
        while (!ReferenceEquals(link, session)) link = ref link!.NextOfAddress;
        link = session.NextOfAddress;
        session.NextOfAddress = null;
        session.IsFoundByAddress = false;
    }

    internal void Remove(DatagramSession session)
    {
        RemoveAddress(session);
        ref var link = ref _byKey[Bucket(session.Key)];
        while (!ReferenceEquals(link, session)) link = ref link!.NextOfKey;
        link = session.NextOfKey;
        session.NextOfKey = null;
        Unlink(session);
        Count--;
    }

    /// <summary>The device was heard: of all sessions this is the youngest now.</summary>
    internal void Touch(DatagramSession session)
    {
        if (ReferenceEquals(session, _newest)) return;
        Unlink(session);
        LinkNewest(session);
    }

    private void LinkNewest(DatagramSession session)
    {
        session.Older = _newest;
        if (_newest is null) _oldest = session;
        else _newest.Younger = session;
        _newest = session;
    }

    private void Unlink(DatagramSession session)
    {
        if (session.Older is { } older) older.Younger = session.Younger;
        else _oldest = session.Younger;
        if (session.Younger is { } younger) younger.Older = session.Older;
        else _newest = session.Older;
        session.Older = session.Younger = null;
    }

    private int Bucket(uint key) => (int)key & (_byKey.Length - 1);

    private int Bucket(in PeerAddress address) => (int)address.Hash(_first, _second) & (_byAddress.Length - 1);

    private void Grow()
    {
        _byKey = new DatagramSession?[_byKey.Length * 2];
        _byAddress = new DatagramSession?[_byKey.Length];
        for (var session = _oldest; session is not null; session = session.Younger)
        {
            ref var bucket = ref _byKey[Bucket(session.Key)];
            session.NextOfKey = bucket;
            bucket = session;
            if (session.IsFoundByAddress) AddAddress(session);
        }
    }

    private static ulong RandomNumber() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}
