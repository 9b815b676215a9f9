using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using IotPsk.Net;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary>Why a connection of the tunnel ended.</summary>
internal enum TunnelEnd { Done, LocalReset, ServerBroke, Idle, Stopping, ServerUnreachable }

/// <summary>One plain connection and the one of TLS that carries it. The end of a direction is passed on as what it was.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The stream disposes the engine; a source of cancellation without timer or handle holds nothing, and others may still cancel it.")]
internal sealed class TunnelConnection
{
    private const int BufferSize = 32 * 1024;
    private static readonly TimeSpan HalfClosed = TimeSpan.FromSeconds(60);
    private readonly Socket _local;
    private readonly EndPoint? _remote;
    private readonly TunnelOptions _options;
    private readonly TicketStore _tickets;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private TunnelEnd _reason;
    private PskTlsClient? _client;
    private long _lastByte = Environment.TickCount64;
    private long _up, _down;

    internal TunnelConnection(Socket local, TunnelOptions options, TicketStore tickets, ILogger log)
    {
        (_local, _options, _tickets, _log) = (local, options, tickets, log);
        try
        {
            _remote = local.RemoteEndPoint;
            local.NoDelay = true;
        }
        catch (SocketException)
        {
            // It was reset as it was accepted: the first read says so.
        }
    }

    /// <summary>How long nothing has passed.</summary>
    internal TimeSpan Silence => TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _lastByte));

    /// <summary>Ends it from outside, from any thread.</summary>
    internal void End(TunnelEnd reason)
    {
        lock (_gate)
        {
            if (_reason == TunnelEnd.Done)
                _reason = reason;
        }
        _end.Cancel();
    }

    /// <summary>Connects, carries, and ends; every failure is told in the log, none is thrown.</summary>
    internal async Task RunAsync()
    {
        try
        {
            await using PskTlsStream? server = await ConnectAsync();
            if (server is not null)
                await CarryAsync(server);
        }
        catch (Exception e)
        {
            End(TunnelEnd.ServerBroke);
            _log.TunnelFault(e);
        }
        finally
        {
            // The program at this end must not take what it got for the whole.
            if (_reason is not (TunnelEnd.Done or TunnelEnd.Idle or TunnelEnd.Stopping))
                _local.LingerState = new LingerOption(true, 0);
            _local.Dispose();
            _log.TunnelConnectionClosed(_remote, _reason, _up, _down);
        }
    }

    private PskTlsClientOptions Offer(PskTlsCredential? ticket) => new()
    {
        Credentials = ticket is null ? [_options.Key] : [ticket, _options.Key],
        KeyExchangeModes = [_options.Mode],
    };

    private async Task<PskTlsStream?> ConnectAsync()
    {
        using PskTlsCredential? ticket = _tickets.Take();
        try
        {
            _client = new PskTlsClient(Offer(ticket));
            PskTlsStream server = await TlsDialer.ConnectAsync(_options.Host, _options.Port, _client, _end.Token);
            _log.TunnelConnectionOpened(_remote, _options.Where, server.Session!.CipherSuite, server.Session.Binder == PskBinder.Resumption ? "by ticket" : "by key");
            return server;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or SocketException or TimeoutException)
        {
            _reason = TunnelEnd.ServerUnreachable;
            _log.TunnelConnectionFailed(_remote, TlsDialer.Tell(e, _options.Where)?.Message ?? $"{e.Message}; {_options.Where}; see the server's log");
            return null;
        }
    }

    private async Task CarryAsync(PskTlsStream server)
    {
        Task up = SendUpAsync(server), down = SendDownAsync(server);
        await down;
        // The server has said its last: what the program still sends may be wanted, but not for ever.
        while (!up.IsCompleted)
        {
            try
            {
                await up.WaitAsync(HalfClosed);
            }
            catch (TimeoutException) when (Silence >= HalfClosed)
            {
                End(TunnelEnd.Idle);
            }
            catch (TimeoutException)
            {
                // It still sends.
            }
        }
        if (_reason is not (TunnelEnd.Idle or TunnelEnd.Stopping))
            return;
        // The server is told that nothing was lost; it may be one that does not read.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Quietly(() => server.ShutdownAsync(patience.Token), TunnelEnd.Stopping);
    }

    // From the program to the server.
    private Task SendUpAsync(PskTlsStream server) => Quietly(async () =>
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (true)
            {
                int count = await ReadLocalAsync(buffer);
                if (count == 0)
                    break;
                _up += count;
                Touch();
                await server.WriteAsync(buffer.AsMemory(0, count), _end.Token);
                Touch();
            }
            await server.ShutdownAsync(_end.Token);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }, TunnelEnd.ServerBroke);

    private async Task<int> ReadLocalAsync(byte[] buffer)
    {
        try
        {
            return await _local.ReceiveAsync(buffer.AsMemory(0, BufferSize), _end.Token);
        }
        catch (SocketException)
        {
            // Without close_notify: the server sees that it was cut off.
            End(TunnelEnd.LocalReset);
            throw;
        }
    }

    // From the server to the program.
    private Task SendDownAsync(PskTlsStream server) => Quietly(async () =>
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await server.ReadAsync(buffer.AsMemory(0, BufferSize), _end.Token) is > 0 and var count)
            {
                TakeTickets();
                _down += count;
                Touch();
                await WriteLocalAsync(buffer.AsMemory(0, count));
                Touch();
            }
            TakeTickets();
            _local.Shutdown(SocketShutdown.Send);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }, TunnelEnd.ServerBroke);

    private async Task WriteLocalAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await _local.SendAsync(bytes, _end.Token)..];
        }
        catch (SocketException)
        {
            End(TunnelEnd.LocalReset);
            throw;
        }
    }

    // A direction that breaks ends the other one too; what it was is in the reason.
    private async Task Quietly(Func<Task> direction, TunnelEnd reason)
    {
        try
        {
            await direction();
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            if (e is IOException && !_end.IsCancellationRequested)
                _log.TunnelConnectionBroke(_remote, TlsDialer.Tell(e, _options.Where)?.Message ?? e.Message);
            End(reason);
        }
    }

    private void TakeTickets()
    {
        while (_client!.TryTakeTicket(out PskTlsTicket? ticket))
            _tickets.Add(ticket);
    }

    private void Touch() => Volatile.Write(ref _lastByte, Environment.TickCount64);
}
