using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The engine behind a real UDP socket: cookies, one client at a time, each line answered with itself in capitals.</summary>
internal sealed class UdpEchoServer : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly HelloVerifier _verifier = new();
    private readonly PskDtlsServerOptions _options;
    private readonly Action<PskDtlsServer> _answer;
    private readonly byte[] _buffer = new byte[70_000];
    private readonly List<byte> _received = [];
    private PskDtlsServer? _server;
    private EndPoint _client = new IPEndPoint(IPAddress.Any, 0);

    public UdpEchoServer(PskDtlsServerOptions options, Action<PskDtlsServer> answer)
    {
        _options = options;
        _answer = answer;
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
    }

    public int Port { get; }

    /// <summary>How many cookies were asked for.</summary>
    public int Requests { get; private set; }

    /// <summary>How many hellos with a right cookie made a server: a client that comes back is another one.</summary>
    public int Accepted { get; private set; }

    /// <summary>False: being connected is all that is wanted.</summary>
    public bool WaitsForLine { get; init; } = true;

    /// <summary>Looks at the server when it has answered.</summary>
    public Action<PskDtlsServer>? AtEnd { get; init; }

    /// <summary>Serves until one client got its line back, and says goodbye; or until its association fails.</summary>
    public async Task<(PskTlsSession? Session, TlsError? Error)> ServeOneAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        byte[] datagram = new byte[70_000];
        PskTlsSession? session = null;
        while (_server?.Error is null && !_received.Contains((byte)'\n') && (WaitsForLine || session is null))
        {
            long wait = Math.Clamp((_server?.Deadline ?? long.MaxValue) - _clock.ElapsedMilliseconds, 1, 20_000);
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            timer.CancelAfter(TimeSpan.FromMilliseconds(wait));
            try
            {
                SocketReceiveFromResult result = await _socket.ReceiveFromAsync(datagram.AsMemory(), SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), timer.Token);
                await TakeAsync(datagram.AsMemory(0, result.ReceivedBytes), result.RemoteEndPoint);
            }
            catch (OperationCanceledException) when (!limit.IsCancellationRequested)
            {
                _server?.Tick(_clock.ElapsedMilliseconds);
            }

            await FlushAsync();
            session = _server?.Session ?? session;
        }

        if (WaitsForLine && _server is { Error: null } server)
        {
            int length = Write(server, Encoding.ASCII.GetString([.. _received]).ToUpperInvariant());
            await _socket.SendToAsync(_buffer.AsMemory(0, length), _client, limit.Token);
            AtEnd?.Invoke(server);
            server.Shutdown(_buffer, out length);
            await _socket.SendToAsync(_buffer.AsMemory(0, length), _client, limit.Token);
        }

        return (session, _server?.Error);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _server?.Dispose();
    }

    private static int Write(PskDtlsServer server, string text, byte[] buffer)
    {
        Assert.Equal(PskTlsStatus.Complete, server.Write(Encoding.ASCII.GetBytes(text), buffer, out int length));
        return length;
    }

    private int Write(PskDtlsServer server, string text) => Write(server, text, _buffer);

    private async Task TakeAsync(ReadOnlyMemory<byte> datagram, EndPoint from)
    {
        if (_server is null || (DtlsRecordHeader.IsClientHello(datagram.Span) && !_server.IsRepeatedHello(datagram.Span)))
        {
            HelloVerdict verdict = _verifier.Verify(datagram.Span, Encoding.ASCII.GetBytes(from.ToString()!), _clock.ElapsedMilliseconds, _buffer, out int written);
            if (verdict == HelloVerdict.Answer)
            {
                Requests++;
                await _socket.SendToAsync(_buffer.AsMemory(0, written), from);
            }

            if (verdict != HelloVerdict.Accept)
                return;
            _server?.Dispose();
            _server = new PskDtlsServer(_options, []);
            Accepted++;
        }

        _client = from;
        byte[] plaintext = new byte[datagram.Length];
        while (!datagram.IsEmpty)
        {
            PskTlsStatus status = _server.Receive(datagram.Span, _clock.ElapsedMilliseconds, plaintext, out int consumed, out int written);
            datagram = datagram[consumed..];
            _received.AddRange(plaintext.AsSpan(0, written));
            while (status == PskTlsStatus.NeedsPsk)
            {
                _answer(_server);
                status = _server.Continue(_clock.ElapsedMilliseconds);
            }
        }
    }

    private async Task FlushAsync()
    {
        while (_server is not null && _server.Flush(_buffer, out int written))
            await _socket.SendToAsync(_buffer.AsMemory(0, written), _client);
    }
}
