using System.IO.Pipelines;
using System.Security.Cryptography;
using IotPsk.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace IotPsk.Net;

/// <summary>Stands between a connection and the protocol above it: makes the handshake, then hands the plaintext on.</summary>
internal sealed partial class TlsPskMiddleware(ConnectionDelegate next, TlsPskOptions options, ILogger log)
{
    internal async Task OnConnectionAsync(ConnectionContext connection)
    {
        using var server = new PskTlsServer(options.Tls);
        var wire = connection.Transport;
        await using var stream = new PskTlsStream(new DuplexPipeStream(wire, leaveOpen: true), server, leaveOpen: true);
        TlsPskFeature? feature = await HandshakeAsync(connection, stream);
        if (feature is null)
            return;
        connection.Features.Set<ITlsPskFeature>(feature);
        var plain = new PlainPipe(stream);
        try
        {
            connection.Transport = plain;
            await next(connection);
            await plain.CompleteAsync();
            await stream.ShutdownAsync(connection.ConnectionClosed);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionResetException)
        {
            ConnectionLost(log, connection.ConnectionId, e.Message);
        }
        finally
        {
            connection.Transport = wire;
        }
    }

    private async Task<TlsPskFeature?> HandshakeAsync(ConnectionContext connection, PskTlsStream stream)
    {
        (byte[] Identity, object? Tag) proved = ([], null);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        limit.CancelAfter(options.HandshakeTimeout);
        try
        {
            await stream.AuthenticateAsync(async (server, cancellation) => proved = await AnswerAsync(connection, server, cancellation), limit.Token);
            return new TlsPskFeature(proved.Identity, proved.Tag, stream.Session!);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionResetException)
        {
            HandshakeFailed(log, connection.ConnectionId, e is OperationCanceledException ? "it took too long, or the client went away" : e.Message);
            return null;
        }
    }

    private async ValueTask<(byte[], object?)> AnswerAsync(ConnectionContext connection, PskTlsServer server, CancellationToken cancellation)
    {
        try
        {
            for (int i = 0; i < server.PendingIdentityCount; i++)
            {
                byte[] identity = server.GetPendingIdentity(i).ToArray();
                if (await options.FindKey!(identity, connection.RemoteEndPoint, cancellation) is not { } key)
                    continue;
                server.ProvidePsk(i, key.Key, key.Binder, key.Hash);
                CryptographicOperations.ZeroMemory(key.Key);
                return (identity, key.Tag);
            }
            server.RejectPsk();
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            // The client is told internal_error instead of being left with a closed connection.
            KeyNotFound(log, e, connection.ConnectionId);
            server.FailPsk();
        }
        return ([], null);
    }

    [LoggerMessage(1, LogLevel.Information, "Connection {ConnectionId}: TLS handshake failed: {Reason}", EventName = "HandshakeFailed")]
    private static partial void HandshakeFailed(ILogger log, string connectionId, string reason);

    [LoggerMessage(2, LogLevel.Debug, "Connection {ConnectionId} was lost: {Reason}", EventName = "ConnectionLost")]
    private static partial void ConnectionLost(ILogger log, string connectionId, string reason);

    [LoggerMessage(3, LogLevel.Error, "Connection {ConnectionId}: the key could not be looked up", EventName = "KeyNotFound")]
    private static partial void KeyNotFound(ILogger log, Exception cause, string connectionId);

    // The plaintext as the pipe pair that Kestrel's protocols take.
    private sealed class PlainPipe(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));

        internal async Task CompleteAsync()
        {
            await Output.CompleteAsync();
            await Input.CompleteAsync();
        }
    }
}
