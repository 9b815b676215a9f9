using System.Net;

namespace IotPsk.Net;

/// <summary>An open port. Disposing it stops accepting; its sessions go on.</summary>
public sealed class TlsListener : IDisposable
{
    private readonly Func<TlsListener, Task> _close;
    private volatile TlsListenerOptions _options;
    private int _closed;
    private int _connections;

    internal TlsListener(TlsListenerOptions options, IPEndPoint endPoint, Func<TlsListener, Task> close)
    {
        _options = options;
        EndPoint = endPoint;
        _close = close;
    }

    /// <summary>The listener's name.</summary>
    public string Name => _options.Name;

    /// <summary>The bound address, with the port the kernel chose if 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The options of connections accepted from now on.</summary>
    public TlsListenerOptions Options => _options;

    /// <summary>Changes everything but the address for connections accepted from now on.</summary>
    /// <exception cref="ArgumentException">Name or address differ: that is another listener.</exception>
    public void Update(TlsListenerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Name != _options.Name || !options.Listen.Equals(_options.Listen))
            throw new ArgumentException($"Listener '{Name}' keeps its name and address ({_options.Listen}); open another one for '{options.Name}' on {options.Listen}.", nameof(options));
        options.Validate();
        _options = options;
    }

    /// <summary>A connection comes; false when there are too many.</summary>
    internal bool TryEnter()
    {
        var most = _options.Connections;
        if (Interlocked.Increment(ref _connections) <= most || most == 0) return true;
        Leave();
        return false;
    }

    /// <summary>A connection is gone.</summary>
    internal void Leave() => Interlocked.Decrement(ref _connections);

    /// <summary>Stops accepting; when it is done, the address is free. Its sessions go on.</summary>
    public Task CloseAsync() => Interlocked.Exchange(ref _closed, 1) == 0 ? _close(this) : Task.CompletedTask;

    /// <summary>Stops accepting, soon.</summary>
    public void Dispose() => _ = CloseAsync();
}
