using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using IotPsk.Net.Datagrams;
using IotPsk.Net.Limits;

namespace IotPsk.Net;

/// <summary>An open UDP port. Disposing it ends its associations.</summary>
public sealed class DatagramListener : IDisposable
{
    private readonly IDatagramPorts _ports;
    private volatile DatagramListenerOptions _options;
    private int _closed;

    internal DatagramListener(DatagramListenerOptions options, IPEndPoint endPoint, CurrentLimits limits, IDatagramPorts ports)
    {
        _options = options;
        Gate = new ConnectionGate(limits, limitsConnections: false);
        EndPoint = endPoint;
        _ports = ports;
    }

    /// <summary>The listener's name.</summary>
    public string Name => _options.Name;

    /// <summary>The bound address, with the port the kernel chose if 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The options of handshakes from now on.</summary>
    public DatagramListenerOptions Options => _options;

    /// <summary>Counts handshakes and associations over all shards.</summary>
    internal ConnectionGate Gate { get; }

    /// <summary>Associations without connection id that an earlier run has left, and the shards that have them.</summary>
    internal ConcurrentDictionary<PeerAddress, int> RestoredAddresses { get; } = [];

    /// <summary>
    /// Closes the port without a word to the devices and writes their associations to a sealed file, with which another
    /// listener goes on (<see cref="ShardSet.Listen(DatagramListenerOptions, DatagramSnapshot?)"/>).
    /// </summary>
    /// <returns>How many associations were written.</returns>
    /// <exception cref="InvalidOperationException">The port is closed already.</exception>
    /// <exception cref="IOException">The file cannot be written; the associations are lost.</exception>
    public async Task<int> SuspendAsync(DatagramSnapshotTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        DatagramSnapshot.ThrowIfNoKey(target.Key.Span);
        if (Interlocked.Exchange(ref _closed, 1) != 0) throw new InvalidOperationException($"Listener '{Name}' is closed already.");
        var parts = await _ports.SuspendAsync(this, target.SaveTag);
        var plain = GC.AllocateUninitializedArray<byte>(parts.Sum(part => part.Plain.Length), pinned: true);
        try
        {
            var rest = plain.AsSpan();
            foreach (var (part, _) in parts)
            {
                part.CopyTo(rest);
                rest = rest[part.Length..];
            }
            SnapshotFile.Write(target.Path, target.Key.Span, target.Generation, plain);
            return parts.Sum(part => part.Count);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            foreach (var (part, _) in parts) CryptographicOperations.ZeroMemory(part);
        }
    }

    /// <summary>Changes the engine's options and the limits for handshakes from now on; associations go on as they are.</summary>
    /// <exception cref="ArgumentException">Something else differs that an open port keeps, or a value is out of its range.</exception>
    public void Update(DatagramListenerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var (now, limits) = (_options, options.Limits);
        if (options with { Dtls = now.Dtls, Limits = now.Limits, Application = now.Application, Listen = now.Listen } != now
            || !options.Listen.Equals(now.Listen) || limits with { HandshakeTimeout = now.Limits.HandshakeTimeout, Associations = now.Limits.Associations } != now.Limits)
            throw new ArgumentException($"Listener '{Name}' keeps everything but its engine's options, HandshakeTimeout and Associations; open another one.", nameof(options));
        _options = options with { Application = now.Application };
    }

    /// <summary>Closes the port and says close_notify to every device; when it is done, the address is free.</summary>
    public Task CloseAsync() => Interlocked.Exchange(ref _closed, 1) == 0 ? _ports.CloseAsync(this) : Task.CompletedTask;

    /// <summary>The same, soon.</summary>
    public void Dispose() => _ = CloseAsync();
}

/// <summary>What a listener asks of the shards.</summary>
internal interface IDatagramPorts
{
    Task CloseAsync(DatagramListener listener);

    Task<(byte[] Plain, int Count)[]> SuspendAsync(DatagramListener listener, Func<SessionInfo, byte[]?> saveTag);
}
