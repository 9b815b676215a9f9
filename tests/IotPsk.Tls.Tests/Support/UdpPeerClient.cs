using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The engine's client behind a real UDP socket.</summary>
internal static class UdpPeerClient
{
    /// <summary>Connects, sends a line, waits for the line that comes back, says goodbye.</summary>
    public static async Task<(PskTlsSession Session, string Reply)> ExchangeAsync(
        int port, PskDtlsClientOptions options, string line, byte[]? connectionId = null, Action<PskDtlsClient>? atEnd = null)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var server = new IPEndPoint(IPAddress.Loopback, port);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = new PskDtlsClient(options, connectionId ?? []);
        var clock = Stopwatch.StartNew();
        var received = new List<byte>();
        byte[] datagram = new byte[70_000], output = new byte[70_000], plaintext = new byte[70_000];
        bool asked = false;
        client.Continue(0);
        while (!received.Contains((byte)'\n'))
        {
            while (client.Flush(output, out int length))
                await socket.SendToAsync(output.AsMemory(0, length), server, limit.Token);
            Assert.True(client.Error is null, $"{client.Error}");
            if (client.IsConnected && !asked)
            {
                asked = true;
                Assert.Equal(PskTlsStatus.Complete, client.Write(Encoding.ASCII.GetBytes(line), output, out int length));
                await socket.SendToAsync(output.AsMemory(0, length), server, limit.Token);
            }

            using var timer = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            timer.CancelAfter(TimeSpan.FromMilliseconds(Math.Clamp(client.Deadline - clock.ElapsedMilliseconds, 1, 20_000)));
            try
            {
                int count = (await socket.ReceiveFromAsync(datagram.AsMemory(), SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), timer.Token)).ReceivedBytes;
                for (int at = 0; at < count;)
                {
                    client.Receive(datagram.AsSpan(at, count - at), clock.ElapsedMilliseconds, plaintext, out int consumed, out int written);
                    at += consumed;
                    received.AddRange(plaintext.AsSpan(0, written));
                }
            }
            catch (OperationCanceledException) when (!limit.IsCancellationRequested)
            {
                client.Tick(clock.ElapsedMilliseconds);
            }
        }

        atEnd?.Invoke(client);
        PskTlsSession session = client.Session!;
        client.Shutdown(output, out int last);
        await socket.SendToAsync(output.AsMemory(0, last), server, limit.Token);
        return (session, Encoding.ASCII.GetString([.. received]));
    }
}
