using System.Net;
using System.Net.Sockets;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Device.Tests.Support;

/// <summary>Our TLS server engine on the loopback interface, with the fake broker behind it.</summary>
internal sealed class LiveServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Thread _thread;

    internal LiveServer()
    {
        Desk = new TicketDesk(Key);
        _listener.Start();
        _thread = new Thread(AcceptAll);
        _thread.Start();
    }

    internal FakeBroker Broker { get; } = new();

    /// <summary>The key of every device.</summary>
    internal byte[] Key { get; } = new byte[32];

    /// <summary>Makes and takes tickets.</summary>
    internal TicketDesk Desk { get; }

    /// <summary>Ends the next connection over which a message came, without farewell.</summary>
    internal bool DropsNext { get; set; }

    internal string Address => _listener.LocalEndpoint.ToString()!;

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join();
        Desk.Dispose();
    }

    private void AcceptAll()
    {
        var threads = new List<Thread>();
        try
        {
            for (; ;)
            {
                Socket socket = _listener.AcceptSocket();
                var thread = new Thread(() => ServeUntilLost(socket));
                threads.Add(thread);
                thread.Start();
            }
        }
        catch (Exception stopped) when (stopped is SocketException or InvalidOperationException)
        {
            // While it accepts, or before it does so again.
            threads.ForEach(thread => thread.Join());
        }
    }

    private void ServeUntilLost(Socket socket)
    {
        try
        {
            Serve(socket);
        }
        catch (SocketException)
        {
            // The device went without reading all.
        }
    }

    private void Serve(Socket socket)
    {
        using Socket closing = socket;
        using var server = new PskTlsServer(Desk.Options);
        FakeBroker.Connection? connection = null;
        byte[] wire = new byte[PskTlsConnection.MaxRecordWireSize], output = new byte[2 * PskTlsConnection.MaxRecordWireSize];
        byte[] pending = [], plain = [];
        for (int received; (received = socket.Receive(wire)) > 0;)
        {
            pending = [.. pending, .. wire[..received]];
            PskTlsStatus status;
            do
            {
                bool connected = server.IsConnected;
                status = connected ? server.Read(pending, output, out int consumed, out int written) : server.Handshake(pending, output, out consumed, out written);
                pending = pending[consumed..];
                if (connected)
                    plain = [.. plain, .. output[..written]];
                else
                    socket.Send(output.AsSpan(0, written));
                if (status == PskTlsStatus.NeedsPsk)
                    Desk.Answer(server);
            }
            while (status == PskTlsStatus.NeedsPsk || (status == PskTlsStatus.Complete && pending.Length > 0));
            if (server.IsConnected)
                plain = Answer(connection ??= Broker.Accept(), plain, server, socket, output);
            bool drops = DropsNext && Broker.Log.Any(line => line.StartsWith("PUBLISH", StringComparison.Ordinal));
            DropsNext &= !drops;
            if (drops || status == PskTlsStatus.Closed)
                return;
        }
    }

    // Gives the broker every whole packet, and the device the broker's answers.
    private static byte[] Answer(FakeBroker.Connection connection, byte[] plain, PskTlsServer server, Socket socket, byte[] output)
    {
        while (MqttFixedHeader.TryRead(plain, 0, plain.Length, out MqttFixedHeader header) == MqttReadStatus.Complete
            && header.HeaderLength + header.RemainingLength <= plain.Length)
        {
            int length = header.HeaderLength + header.RemainingLength;
            connection.Send(plain, 0, length);
            plain = plain[length..];
        }
        while (connection.TryTakeAnswer(out byte[]? answer))
        {
            server.Write(answer, output, out _, out int written);
            socket.Send(output.AsSpan(0, written));
        }
        return plain;
    }
}
