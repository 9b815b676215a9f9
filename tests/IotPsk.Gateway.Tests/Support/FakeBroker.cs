using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Shared;
using IotPsk.TestSupport;

namespace IotPsk.Gateway.Tests.Support;

/// <summary>A broker that does what the test says, packet by packet.</summary>
internal sealed class FakeBroker : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    internal FakeBroker()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    internal int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>The next connection; time goes on until it comes, for the client pauses between two.</summary>
    internal FakeBrokerConnection Accept(FakeTimeProvider time)
    {
        for (int i = 0; !_listener.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead); i++)
        {
            Assert.True(i < 1500, "the client connects");
            time.Advance(TimeSpan.FromSeconds(1));
        }
        return new FakeBrokerConnection(_listener.Accept());
    }

    public void Dispose() => _listener.Dispose();
}

internal sealed class FakeBrokerConnection : IDisposable
{
    private readonly Socket _socket;
    private byte[] _received = [];

    internal FakeBrokerConnection(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
        _socket.ReceiveTimeout = _socket.SendTimeout = 30_000;
    }

    /// <summary>CONNECT, CONNACK, SUBSCRIBE and SUBACK.</summary>
    internal MqttConnect Welcome(bool sessionPresent = false, byte granted = 1)
    {
        MqttConnect connect = ReadConnect();
        Write(packet => new MqttConnAck { SessionPresent = sessionPresent }.Write(packet, 0));
        int id = ReadSubscribe().PacketId;
        Write(packet => new MqttSubAck { PacketId = id, ReturnCodes = [granted] }.Write(packet, 0));
        return connect;
    }

    internal MqttConnect ReadConnect()
    {
        var connect = new MqttConnect();
        (MqttFixedHeader header, byte[] packet) = ReadPacket();
        Assert.True(connect.TryRead(header, packet, header.HeaderLength));
        return connect;
    }

    internal MqttSubscribe ReadSubscribe()
    {
        var subscribe = new MqttSubscribe();
        (MqttFixedHeader header, byte[] packet) = ReadPacket();
        Assert.True(subscribe.TryRead(header, packet, header.HeaderLength));
        return subscribe;
    }

    internal MqttPublish ReadPublish()
    {
        MqttPublish? publish = ReadPublishOrOther();
        Assert.NotNull(publish);
        return publish;
    }

    /// <summary>The next packet if it is a PUBLISH; else it is passed over.</summary>
    internal MqttPublish? ReadPublishOrOther()
    {
        var publish = new MqttPublish();
        (MqttFixedHeader header, byte[] packet) = ReadPacket();
        return publish.TryRead(header, packet, header.HeaderLength) ? publish : null;
    }

    internal MqttPacketType ReadType() => ReadPacket().Header.Type;

    /// <summary>The identifier of a PUBACK.</summary>
    internal int ReadAcknowledgement()
    {
        (MqttFixedHeader header, byte[] packet) = ReadPacket();
        Assert.True(MqttPubAck.TryRead(header, packet, header.HeaderLength, out int id), header.Type.ToString());
        return id;
    }

    internal void Acknowledge(MqttPublish publish) => Write(packet => MqttPubAck.Write(publish.PacketId, packet, 0));

    internal void Publish(string topic, string payload, int id, bool retain = false) =>
        Write(packet => new MqttPublish
        {
            Topic = topic, QualityOfService = 1, PacketId = id, Retain = retain, Payload = Encoding.UTF8.GetBytes(payload), PayloadCount = Encoding.UTF8.GetByteCount(payload),
        }.Write(packet, 0), payload.Length * 3 + 1000);

    internal void Write(Func<byte[], int> packet, int room = 256)
    {
        byte[] buffer = new byte[room];
        Write(buffer.AsSpan(0, packet(buffer)));
    }

    internal void Write(ReadOnlySpan<byte> bytes)
    {
        for (; !bytes.IsEmpty; bytes = bytes[_socket.Send(bytes)..])
            ;
    }

    /// <summary>Writes to a client that may be leaving.</summary>
    internal void TryWrite(ReadOnlySpan<byte> bytes)
    {
        try
        {
            Write(bytes);
        }
        catch (SocketException)
        {
            // It has left.
        }
    }

    /// <summary>Nothing more comes, for now.</summary>
    internal bool IsSilent => _received.Length == 0 && !_socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead);

    /// <summary>The client closes the connection.</summary>
    internal void ReadEnd()
    {
        try
        {
            Assert.Equal(0, _socket.Receive(new byte[1]));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An end, too.
        }
    }

    public void Dispose() => _socket.Dispose();

    private (MqttFixedHeader Header, byte[] Packet) ReadPacket()
    {
        MqttFixedHeader header;
        while (MqttFixedHeader.TryRead(_received, 0, _received.Length, out header) != MqttReadStatus.Complete || _received.Length < header.HeaderLength + header.RemainingLength)
        {
            byte[] more = new byte[64 * 1024];
            int count = _socket.Receive(more);
            Assert.NotEqual(0, count);
            _received = [.. _received, .. more[..count]];
        }
        int size = header.HeaderLength + header.RemainingLength;
        byte[] packet = _received[..size];
        _received = _received[size..];
        return (header, packet);
    }
}
