using System.Buffers.Binary;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

internal enum ObservationState : byte { Wanted, Asked, Active, Refused }

/// <summary>
/// What is observed of a device. The token of the request follows from the path, so that a notification finds its observation also after a restart and
/// after a change of association, and a renewed observation takes the old one's place at the device (RFC 7641 s4.1).
/// </summary>
internal sealed class Observation(ObjectPath path, ObjectPath[]? composite, bool isExplicit)
{
    // Paths have 8 bytes, composites 6; requests of other kinds 4.
    private const int PathToken = 8, CompositeToken = 6;

    private int _newest = -1;
    private long _newestAt;

    internal ObjectPath Path { get; } = path;

    /// <summary>The paths of a composite observation; null for another.</summary>
    internal ObjectPath[]? Composite { get; } = composite;

    /// <summary>Asked for by somebody, beside what the configuration says.</summary>
    internal bool IsExplicit { get; set; } = isExplicit;

    internal ObservationState State { get; set; }

    /// <summary>A notification was not acknowledged: a device that tried often enough notifies no more (RFC 7641 s4.5).</summary>
    internal bool IsDoubtful { get; set; }

    internal byte[] Token => Composite is null ? Encode(Path) : Encode(Composite);

    internal bool Is(IReadOnlyList<ObjectPath> paths) =>
        Composite is null ? paths.Count == 1 && paths[0] == Path : Composite.AsSpan().SequenceEqual(paths.ToArray());

    internal bool HasToken(ReadOnlySpan<byte> token) => token.Length == (Composite is null ? PathToken : CompositeToken) && token.SequenceEqual(Token);

    /// <summary>Takes note of a notification; false if it is an older one than one before (RFC 7641 s3.4).</summary>
    internal bool TakeNote(int sequence, long now)
    {
        if (State == ObservationState.Active && _newest >= 0 && !CoapObserve.IsNewer(_newest, _newestAt, sequence, now))
            return false;
        State = ObservationState.Active;
        IsDoubtful = false;
        (_newest, _newestAt) = (sequence, now);
        return true;
    }

    /// <summary>The last notification will come again, or the device counts anew.</summary>
    internal void ForgetNewest() => _newest = -1;

    private static byte[] Encode(ObjectPath path)
    {
        byte[] token = new byte[PathToken];
        int at = 0;
        foreach (int id in (ReadOnlySpan<int>)[path.ObjectId, path.InstanceId, path.ResourceId, path.ResourceInstanceId])
            BinaryPrimitives.WriteUInt16BigEndian(token.AsSpan(2 * at++), (ushort)id);
        return token;
    }

    private static byte[] Encode(ObjectPath[] paths)
    {
        ulong hash = 14695981039346656037;
        foreach (ObjectPath path in paths)
        {
            foreach (byte b in Encode(path))
                hash = (hash ^ b) * 1099511628211;
        }
        byte[] token = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(token, hash);
        return token[..CompositeToken];
    }
}
