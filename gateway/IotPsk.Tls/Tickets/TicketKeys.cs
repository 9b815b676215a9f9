using IotPsk.Tls.Crypto;

namespace IotPsk.Tls;

/// <summary>
/// The keys that tickets are sealed and opened with: the current one seals, it and the previous ones open.
/// All connections of a server share one object; the owner replaces its keys as they age. Safe for use by many threads.
/// </summary>
public sealed class TicketKeys : IDisposable
{
    private readonly Lock _gate = new();
    private (byte[] Name, SecretBuffer Secret)[] _keys = [];
    private bool _disposed;

    /// <param name="current">Seals and opens; copied.</param>
    /// <param name="previous">Only open; copied.</param>
    /// <exception cref="ArgumentException">Two keys have one name.</exception>
    public TicketKeys(TicketKey current, params ReadOnlySpan<TicketKey> previous) => Replace(current, previous);

    /// <summary>Takes other keys from here on; those that are not named again are zeroed, and their tickets open no more.</summary>
    /// <param name="current">Seals and opens; copied.</param>
    /// <param name="previous">Only open; copied.</param>
    /// <exception cref="ArgumentException">Two keys have one name.</exception>
    public void Replace(TicketKey current, params ReadOnlySpan<TicketKey> previous)
    {
        ArgumentNullException.ThrowIfNull(current);
        var keys = new (byte[] Name, SecretBuffer Secret)[1 + previous.Length];
        for (int i = 0; i < keys.Length; i++)
        {
            TicketKey key = i == 0 ? current : previous[i - 1] ?? throw new ArgumentException("a key is null", nameof(previous));
            for (int j = 0; j < i; j++)
            {
                if (keys[j].Name.AsSpan().SequenceEqual(key.Name))
                    throw new ArgumentException("two ticket keys have one name", nameof(previous));
            }

            keys[i] = (key.Name.ToArray(), new SecretBuffer(key.Secret));
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Drop();
            _keys = keys;
        }
    }

    /// <summary>Zeroes the keys: no ticket is sealed or opened any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Drop();
        }
    }

    /// <summary>Copies the current key, so that no other thread can take it away while it is used; false after <see cref="Dispose"/>.</summary>
    internal bool TryCopyCurrent(Span<byte> name, Span<byte> secret)
    {
        lock (_gate)
        {
            if (_keys.Length == 0)
                return false;
            _keys[0].Name.CopyTo(name);
            _keys[0].Secret.Span.CopyTo(secret);
            return true;
        }
    }

    /// <summary>Copies the key of a name; false if there is none.</summary>
    internal bool TryCopy(ReadOnlySpan<byte> name, Span<byte> secret)
    {
        lock (_gate)
        {
            foreach ((byte[] candidate, SecretBuffer key) in _keys)
            {
                if (!name.SequenceEqual(candidate))
                    continue;
                key.Span.CopyTo(secret);
                return true;
            }

            return false;
        }
    }

    private void Drop()
    {
        foreach ((_, SecretBuffer secret) in _keys)
            secret.Dispose();
        _keys = [];
    }
}
