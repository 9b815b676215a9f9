using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The engine behind a real socket: takes one connection, answers one line with itself in capitals, closes.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly PskTlsServerOptions _options;
    private readonly Action<PskTlsServer> _answer;

    public EchoServer(PskTlsServerOptions options, Action<PskTlsServer> answer)
    {
        _options = options;
        _answer = answer;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>How often the line is answered.</summary>
    public int Repeat { get; init; } = 1;

    /// <summary>Looks at the server once its answer is written.</summary>
    public Action<PskTlsServer>? AtEnd { get; init; }

    public async Task<(PskTlsSession? Session, TlsError? Error)> ServeOneAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using TcpClient tcp = await _listener.AcceptTcpClientAsync(limit.Token);
        using var server = new PskTlsServer(_options);
        var end = new Wire(server);
        NetworkStream stream = tcp.GetStream();
        byte[] buffer = new byte[20_000];
        while (!end.Received.Contains((byte)'\n'))
        {
            int read = await stream.ReadAsync(buffer, limit.Token);
            byte[] output = end.Deliver(buffer.AsSpan(0, read));
            if (end.Status == PskTlsStatus.NeedsPsk)
            {
                _answer(server);
                output = [.. output, .. end.Deliver([])];
            }

            await stream.WriteAsync(output, limit.Token);
            if (read == 0 || end.Status == PskTlsStatus.Closed)
                return (server.Session, server.Error);
        }

        string line = Encoding.ASCII.GetString([.. end.Received]).ToUpperInvariant();
        byte[] reply = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(line, Repeat)));
        await stream.WriteAsync((byte[])[.. end.Write(reply), .. end.Shutdown()], limit.Token);
        AtEnd?.Invoke(server);
        tcp.Client.Shutdown(SocketShutdown.Send);
        while (await stream.ReadAsync(buffer, limit.Token) > 0)
        {
            // The peer closes when it has seen the close_notify.
        }

        return (server.Session, server.Error);
    }

    public void Dispose() => _listener.Dispose();
}
