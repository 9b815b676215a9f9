using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The engine's client behind a real socket.</summary>
internal static class PeerClient
{
    /// <summary>Connects, sends a line, waits for the line that comes back, closes.</summary>
    /// <param name="port">Of the peer.</param>
    /// <param name="options">The client's.</param>
    /// <param name="line">What is sent.</param>
    /// <param name="atEnd">Looks at the client before it closes.</param>
    /// <param name="connected">Does something with the client before the line.</param>
    public static async Task<(PskTlsSession Session, string Reply)> ExchangeAsync(
        int port, PskTlsClientOptions options, string line, Action<PskTlsClient>? atEnd = null, Action<PskTlsClient>? connected = null)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port, limit.Token);
        NetworkStream stream = tcp.GetStream();
        using var client = new PskTlsClient(options);
        var end = new Wire(client);
        byte[] buffer = new byte[20_000];
        await stream.WriteAsync(end.Deliver([]), limit.Token);
        bool asked = false;
        while (!end.Received.Contains((byte)'\n'))
        {
            int read = await stream.ReadAsync(buffer, limit.Token);
            Assert.True(read > 0, $"the server closed: {client.Error}");
            await stream.WriteAsync(end.Deliver(buffer.AsSpan(0, read)), limit.Token);
            Assert.True(client.Error is null, $"{client.Error}");
            if (!client.IsConnected || asked)
                continue;
            asked = true;
            connected?.Invoke(client);
            await stream.WriteAsync(end.Write(Encoding.ASCII.GetBytes(line)), limit.Token);
        }

        atEnd?.Invoke(client);
        await stream.WriteAsync(end.Shutdown(), limit.Token);
        return (client.Session!, Encoding.ASCII.GetString([.. end.Received]));
    }
}
