using System.Security.Cryptography;
using IotPsk.Net.Datagrams;

namespace IotPsk.Net;

/// <summary>
/// Associations of an earlier run, read from the file that <see cref="DatagramListener.SuspendAsync"/> wrote. The file is
/// gone already; opening a listener with this uses it up.
/// </summary>
public sealed class DatagramSnapshot : IDisposable
{
    private byte[]? _plain;

    private DatagramSnapshot(byte[] plain, Func<ReadOnlyMemory<byte>, object?> loadTag)
    {
        _plain = plain;
        LoadTag = loadTag;
    }

    /// <summary>Makes the owner's tag from what SaveTag gave; null drops the association.</summary>
    internal Func<ReadOnlyMemory<byte>, object?> LoadTag { get; }

    /// <summary>Reads, verifies and deletes a snapshot.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">32 bytes, the same as when it was written.</param>
    /// <param name="generation">
    /// The number it was written with. The owner keeps it apart from the file and raises it before it calls this, so that a
    /// copy of the file is worth nothing afterwards: used twice, keys would seal different data under the same nonces.
    /// </param>
    /// <param name="loadTag">Makes an association's tag from the bytes SaveTag gave; null drops the association. Called on shards' threads.</param>
    /// <returns>Null if there is no such file.</returns>
    /// <exception cref="DatagramSnapshotException">It was changed, used before, or is another gateway's. It is deleted all the same.</exception>
    /// <exception cref="IOException">It cannot be read or deleted.</exception>
    public static DatagramSnapshot? Take(string path, ReadOnlySpan<byte> key, long generation, Func<ReadOnlyMemory<byte>, object?> loadTag)
    {
        ArgumentNullException.ThrowIfNull(loadTag);
        ThrowIfNoKey(key);
        return SnapshotFile.Take(path, key, generation) is { } plain ? new DatagramSnapshot(plain, loadTag) : null;
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_plain);
        _plain = null;
    }

    /// <summary>The saved associations, one behind the other; empty once disposed.</summary>
    internal ReadOnlySpan<byte> Plain => _plain;

    internal static void ThrowIfNoKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != SnapshotFile.KeyLength) throw new ArgumentException($"A snapshot's key has {SnapshotFile.KeyLength} bytes, not {key.Length}.", nameof(key));
    }
}

/// <summary>Where the associations of a listener go when it is suspended.</summary>
public sealed record DatagramSnapshotTarget
{
    /// <summary>The file; it is replaced if it exists, and its directory should be the owner's alone.</summary>
    public required string Path { get; init; }

    /// <summary>Seals the file: 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>Tells this snapshot from all others: see <see cref="DatagramSnapshot.Take"/>.</summary>
    public required long Generation { get; init; }

    /// <summary>
    /// What stands for <see cref="SessionInfo.Tag"/> in the file, 0..65535 bytes; null does not save the association. Called on shards' threads.
    /// </summary>
    public required Func<SessionInfo, byte[]?> SaveTag { get; init; }
}
