using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary>Accepts plain connections and carries each over one of TLS, until it is stopped.</summary>
internal sealed class TunnelClient : IAsyncDisposable
{
    private static readonly TimeSpan IdleLook = TimeSpan.FromSeconds(1), AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly TunnelOptions _options;
    private readonly ILogger _log;
    private readonly TicketStore _tickets = new(TimeProvider.System);
    private readonly SemaphoreSlim _places;
    private readonly ConcurrentDictionary<TunnelConnection, Task> _connections = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Socket> _listeners = [];
    private readonly List<Task> _loops = [];

    private TunnelClient(TunnelOptions options, ILogger log)
    {
        (_options, _log) = (options, log);
        _places = new SemaphoreSlim(options.MaxConnections);
    }

    /// <summary>Listens. Throws <see cref="UserError"/> if an address cannot be had.</summary>
    internal static TunnelClient Start(IPEndPoint[] addresses, TunnelOptions options, ILogger log)
    {
        var tunnel = new TunnelClient(options, log);
        try
        {
            foreach (IPEndPoint address in addresses)
                tunnel._listeners.Add(Listen(address));
        }
        catch
        {
            tunnel._listeners.ForEach(socket => socket.Dispose());
            throw;
        }
        foreach (IPEndPoint address in addresses.Where(address => !IPAddress.IsLoopback(address.Address)))
            log.TunnelIsOpen(address);
        tunnel._loops.AddRange(tunnel._listeners.Select(tunnel.AcceptAsync));
        if (options.IdleTimeout > TimeSpan.Zero)
            tunnel._loops.Add(tunnel.LookForIdleAsync());
        log.TunnelReady(string.Join<IPEndPoint>(", ", addresses), options.Where);
        return tunnel;
    }

    /// <summary>Accepts nothing more, lets connections end for <paramref name="drain"/>, and then says close_notify to the rest.</summary>
    internal async Task StopAsync(TimeSpan drain)
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync();
        _listeners.ForEach(socket => socket.Dispose());
        await Task.WhenAll(_loops);
        _log.TunnelStopping(_connections.Count, (int)drain.TotalSeconds);
        Task all = Task.WhenAll(_connections.Values);
        await Task.WhenAny(all, Task.Delay(drain));
        foreach (TunnelConnection connection in _connections.Keys)
            connection.End(TunnelEnd.Stopping);
        await all;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        _tickets.Dispose();
        _places.Dispose();
        _stop.Dispose();
    }

    private static Socket Listen(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(address);
            socket.Listen(512);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new UserError($"there is no listening on {address} ({e.Message})", "--listen", "stop what holds the port, or choose another", cause: e);
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            try
            {
                await _places.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            Socket? local = null;
            try
            {
                local = await listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException || _stop.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e)
            {
                // No descriptor left, or a connection that was gone at once.
                _log.TunnelAcceptFailed(e.Message);
                _places.Release();
                await Task.Delay(AcceptPause);
                continue;
            }
            var connection = new TunnelConnection(local, _options, _tickets, _log);
            var start = new TaskCompletionSource();
            _connections[connection] = CarryAsync(connection, start.Task);
            start.SetResult();
        }
    }

    private async Task CarryAsync(TunnelConnection connection, Task start)
    {
        await start;
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            _places.Release();
        }
    }

    private async Task LookForIdleAsync()
    {
        using var timer = new PeriodicTimer(IdleLook);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                foreach (TunnelConnection connection in _connections.Keys)
                {
                    if (connection.Silence > _options.IdleTimeout)
                        connection.End(TunnelEnd.Idle);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The tunnel stops.
        }
    }
}
