using System.Net.Sockets;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli;

/// <summary>Makes TLS connections as a client, and says in words why one failed.</summary>
internal static class TlsDialer
{
    /// <summary>For the connection, and for the handshake.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A connection whose handshake is done. What fails is for <see cref="Tell"/>.</summary>
    /// <param name="host">A name or an IP address.</param>
    /// <param name="port">1..65535.</param>
    /// <param name="client">Fresh; belongs to the stream then, and is disposed if there is none.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    internal static async Task<PskTlsStream> ConnectAsync(string host, int port, PskTlsClient client, CancellationToken cancellation)
    {
        var tcp = new TcpClient { NoDelay = true };
        PskTlsStream? stream = null;
        try
        {
            tcp.Client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            await tcp.ConnectAsync(host, port, cancellation).AsTask().WaitAsync(Patience, cancellation);
            stream = new PskTlsStream(tcp.GetStream(), client);
            await stream.AuthenticateAsync(cancellation: cancellation).WaitAsync(Patience, cancellation);
            return stream;
        }
        catch
        {
            // A handshake that took too long goes on behind this: the stream waits until the engine is at rest.
            stream?.Dispose();
            tcp.Dispose();
            client.Dispose();
            throw;
        }
    }

    /// <summary>What an exception of a connection means for the user; null if it is of another kind.</summary>
    internal static UserError? Tell(Exception exception, string where) => exception switch
    {
        SocketException e => new UserError($"there is no connection ({e.Message})", where, "check the address, and that the server runs", cause: e),
        TimeoutException e => new UserError("the server did not answer in time", where, "check that it speaks TLS there", cause: e),
        PskTlsException e => new UserError($"TLS failed: {e.Message}", where,
            e.Error.Alert == AlertDescription.DecryptError ? "check identity and key, and that the device is enrolled and not revoked" : "see the server's log", cause: e),
        IOException { InnerException: SocketException reason } e => new UserError($"the connection broke ({reason.Message})", where, "check that it speaks TLS there, and see the server's log", cause: e),
        _ => null,
    };
}
