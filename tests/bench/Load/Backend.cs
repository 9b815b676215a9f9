using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Bench;

/// <summary>A plain TCP server behind the tunnels: it echoes; a message of 9 bytes that begins with 'D' asks for so many bytes.</summary>
internal sealed class Backend : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    internal Backend()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(4096);
        _ = AcceptAsync();
    }

    internal int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    internal static byte[] Ask(long bytes)
    {
        byte[] message = new byte[9];
        message[0] = (byte)'D';
        BinaryPrimitives.WriteInt64BigEndian(message.AsSpan(1), bytes);
        return message;
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private static async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            byte[] buffer = new byte[256];
            byte[]? bulk = null;
            try
            {
                for (int read; (read = await socket.ReceiveAsync(buffer)) > 0;)
                {
                    if (read != 9 || buffer[0] != 'D')
                    {
                        await socket.SendAsync(buffer.AsMemory(0, read));
                        continue;
                    }
                    bulk ??= new byte[256 * 1024];
                    for (long left = BinaryPrimitives.ReadInt64BigEndian(buffer.AsSpan(1)); left > 0;)
                        left -= await socket.SendAsync(bulk.AsMemory(0, (int)Math.Min(left, bulk.Length)));
                }
            }
            catch (SocketException)
            {
                // A client that left.
            }
        }
    }
}
