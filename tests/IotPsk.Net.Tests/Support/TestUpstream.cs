using System.Net;
using System.Net.Sockets;

namespace IotPsk.Net.Tests.Support;

/// <summary>A plain TCP server: the test accepts by hand, or it echoes for everybody.</summary>
internal sealed class TestUpstream : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    internal TestUpstream(bool echo = false)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(2000);
        if (echo) _ = EchoAll();
    }

    internal IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    internal Socket Accept()
    {
        if (!_listener.Poll(TimeSpan.FromSeconds(30), SelectMode.SelectRead)) throw new TimeoutException("Nobody connected to the upstream.");
        var socket = _listener.Accept();
        socket.NoDelay = true;
        socket.ReceiveTimeout = socket.SendTimeout = 30_000;
        return socket;
    }

    /// <summary>Whether anybody connected until now.</summary>
    internal bool HasCaller => _listener.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    /// <summary>Reads to the end of the stream.</summary>
    internal static byte[] ReadAll(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (socket.Receive(buffer) is > 0 and var count) all.Write(buffer, 0, count);
        return all.ToArray();
    }

    internal static byte[] Read(Socket socket, int count)
    {
        var buffer = new byte[count];
        for (var have = 0; have < count;)
        {
            var part = socket.Receive(buffer.AsSpan(have));
            if (part == 0) throw new EndOfStreamException($"End after {have} of {count} bytes.");
            have += part;
        }
        return buffer;
    }

    public void Dispose() => _listener.Dispose();

    private async Task EchoAll()
    {
        try
        {
            while (true)
            {
                try
                {
                    _ = Echo(await _listener.AcceptAsync());
                }
                catch (SocketException exception) when (exception.SocketErrorCode == SocketError.TooManyOpenSockets)
                {
                    await Task.Delay(10);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task Echo(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            var buffer = new byte[16 * 1024];
            try
            {
                while (await socket.ReceiveAsync(buffer) is > 0 and var count)
                    for (var sent = 0; sent < count;) sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent));
            }
            catch (SocketException)
            {
                // A reset is an end, too.
            }
        }
    }
}
