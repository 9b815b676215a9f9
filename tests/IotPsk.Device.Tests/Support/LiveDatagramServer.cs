using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Device.Tests.Support;

/// <summary>Our DTLS server engine on the loopback interface. Its CoAP resource /echo gives back what is posted to it.</summary>
internal sealed class LiveDatagramServer : IDisposable
{
    private const int IdLength = 6;

    // As RFC 7925 s4.2 wants it; devices with forward secrecy offer nothing else.
    private static readonly PskDtlsServerOptions Options = new()
    {
        CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256],
    };

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly HelloVerifier _verifier = new();
    private readonly Dictionary<string, Peer> _byAddress = [], _byId = [];
    private readonly byte[] _output = new byte[2048], _plain = new byte[2048];
    private readonly Thread _thread;
    private volatile bool _stopping, _forgetting;
    private int _sent;

    internal LiveDatagramServer()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _thread = new Thread(Serve);
        _thread.Start();
    }

    /// <summary>The key of every device.</summary>
    internal byte[] Key { get; } = new byte[32];

    internal string Address => _socket.LocalEndPoint!.ToString()!;

    /// <summary>Handshakes that were finished.</summary>
    internal int Handshakes { get; private set; }

    /// <summary>Datagrams that came.</summary>
    internal int Datagrams { get; private set; }

    /// <summary>What was posted, and from which port.</summary>
    internal List<(string Message, int Port)> Posts { get; } = [];

    /// <summary>Every so many datagrams in both directions one is lost; 0: none.</summary>
    internal int LosesEvery { get; set; }

    /// <summary>Answers later than it acknowledges (RFC 7252 s5.2.2).</summary>
    internal bool AnswersSeparately { get; set; }

    /// <summary>What it answers instead of 2.04.</summary>
    internal CoapCode? AnswersWith { get; set; }

    /// <summary>Loses all associations, as a crash does.</summary>
    internal void Forget()
    {
        _forgetting = true;
        SpinWait.SpinUntil(() => !_forgetting);
    }

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        foreach (Peer peer in _byId.Values)
            peer.Server.Dispose();
        _socket.Dispose();
    }

    private void Serve()
    {
        byte[] datagram = new byte[2048];
        int count = 0;
        while (!_stopping)
        {
            if (_forgetting)
            {
                _byAddress.Clear();
                _byId.Clear();
                _forgetting = false;
            }
            foreach (Peer peer in _byId.Values)
            {
                peer.Server.Tick(Environment.TickCount64);
                Flush(peer);
            }
            if (!_socket.Poll(5_000, SelectMode.SelectRead))
                continue;
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int length = _socket.ReceiveFrom(datagram, ref from);
            Datagrams++;
            if (LosesEvery > 0 && ++count % LosesEvery == 0)
                continue;
            if (Find(datagram.AsSpan(0, length), (IPEndPoint)from) is { } found)
                Take(found, datagram.AsSpan(0, length));
        }
    }

    private Peer? Find(ReadOnlySpan<byte> datagram, IPEndPoint from)
    {
        Peer? peer;
        if (DtlsRecordHeader.TryReadConnectionId(datagram, IdLength, out ReadOnlySpan<byte> id))
        {
            if (_byId.TryGetValue(Convert.ToHexString(id), out peer))
                peer.Address = from;
            return peer;
        }
        bool isHello = DtlsRecordHeader.IsClientHello(datagram);
        if (_byAddress.TryGetValue(from.ToString(), out peer) && (!isHello || peer.Server.IsRepeatedHello(datagram)))
            return peer;
        switch (_verifier.Verify(datagram, Encoding.ASCII.GetBytes(from.ToString()), Environment.TickCount64, _output, out int written))
        {
            case HelloVerdict.Answer:
                _socket.SendTo(_output.AsSpan(0, written), from);
                return null;
            case HelloVerdict.Drop:
                return null;
        }
        byte[] fresh = BitConverter.GetBytes(0x1122334455660000L + _byId.Count)[..IdLength];
        peer = new Peer(new PskDtlsServer(Options, fresh), from);
        _byAddress[from.ToString()] = peer;
        _byId[Convert.ToHexString(fresh)] = peer;
        return peer;
    }

    private void Take(Peer peer, ReadOnlySpan<byte> datagram)
    {
        while (!datagram.IsEmpty)
        {
            bool wasConnected = peer.Server.IsConnected;
            PskTlsStatus status = peer.Server.Receive(datagram, Environment.TickCount64, _plain, out int consumed, out int written);
            datagram = datagram[consumed..];
            if (status == PskTlsStatus.NeedsPsk)
            {
                peer.Server.ProvidePsk(Key);
                peer.Server.Continue(Environment.TickCount64);
            }
            if (!wasConnected && peer.Server.IsConnected)
                Handshakes++;
            Flush(peer);
            if (written > 0)
                Answer(peer, written);
        }
    }

    private void Flush(Peer peer)
    {
        while (peer.Server.Flush(_output, out int length))
            Send(_output.AsSpan(0, length), peer.Address);
    }

    private void Send(ReadOnlySpan<byte> datagram, IPEndPoint to)
    {
        if (LosesEvery == 0 || ++_sent % LosesEvery != 0)
            _socket.SendTo(datagram, to);
    }

    private void Answer(Peer peer, int length)
    {
        var reader = new CoapReader();
        if (reader.Read(_plain, 0, length) != CoapFormatError.None || !CoapCodes.IsRequest(reader.Code))
            return;
        byte[] message = new byte[1024];
        // A repetition may come late, after newer requests (RFC 7252 s4.5); it is the same to the last byte.
        string request = Convert.ToHexString(_plain, 0, length);
        if (peer.Answers.TryGetValue(request, out byte[]? answer))
        {
            Write(peer, answer);
            return;
        }
        Posts.Add((Encoding.UTF8.GetString(_plain, reader.PayloadOffset, reader.PayloadCount), peer.Address.Port));
        if (AnswersSeparately)
            Write(peer, message.AsSpan(0, CoapWriter.WriteEmpty(CoapType.Acknowledgement, reader.MessageId, message, 0)).ToArray());
        var writer = new CoapWriter();
        writer.Begin(message, 0, message.Length, AnswersSeparately ? CoapType.Confirmable : CoapType.Acknowledgement, AnswersWith ?? CoapCode.Changed,
            AnswersSeparately ? reader.MessageId ^ 0x8000 : reader.MessageId, _plain, reader.TokenOffset, reader.TokenLength);
        writer.WritePayload(_plain, reader.PayloadOffset, reader.PayloadCount);
        Write(peer, peer.Answers[request] = message[..writer.Length]);
    }

    private void Write(Peer peer, byte[] message)
    {
        if (peer.Server.Write(message, _output, out int length) == PskTlsStatus.Complete)
            Send(_output.AsSpan(0, length), peer.Address);
    }

    private sealed class Peer(PskDtlsServer server, IPEndPoint address)
    {
        internal PskDtlsServer Server { get; } = server;

        internal IPEndPoint Address { get; set; } = address;

        /// <summary>What was answered to each request.</summary>
        internal Dictionary<string, byte[]> Answers { get; } = [];
    }
}
