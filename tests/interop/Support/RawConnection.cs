using System.Net.Sockets;

namespace IotPsk.Interop.Tests.Support;

/// <summary>A TCP connection on which the test decides about every byte.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public RawConnection(int port)
    {
        _socket.ReceiveTimeout = (int)Poll.Patience.TotalMilliseconds;
        _socket.NoDelay = true;
        _socket.Connect("127.0.0.1", port);
    }

    public void Send(byte[] bytes) => _socket.Send(bytes);

    public void ShutdownSend() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>All that comes until the peer closes (a reset counts as closing).</summary>
    public byte[] ReceiveToEnd()
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[4096];
        try
        {
            for (int count; (count = _socket.Receive(buffer)) > 0;)
                all.Write(buffer, 0, count);
        }
        catch (SocketException closed) when (closed.SocketErrorCode == SocketError.ConnectionReset)
        {
            // The peer closed without reading all that was sent.
        }

        return all.ToArray();
    }

    /// <summary>Sends, waits for the end, and gives the description of the fatal alert that came in clear; null if none came.</summary>
    public static int? AlertFor(int port, byte[] bytes)
    {
        using RawConnection connection = new(port);
        connection.Send(bytes);
        return Alert(connection.ReceiveToEnd());
    }

    public static bool Answers(int port)
    {
        try
        {
            using RawConnection connection = new(port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static int? Alert(ReadOnlySpan<byte> records)
    {
        while (records.Length >= 5)
        {
            int length = (records[3] << 8) | records[4];
            if (records[0] == 21 && length == 2 && records.Length >= 7 && records[5] == 2)
                return records[6];
            records = records.Length >= 5 + length ? records[(5 + length)..] : default;
        }

        return null;
    }

    public void Dispose() => _socket.Dispose();
}
