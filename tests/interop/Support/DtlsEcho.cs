using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The engine's DTLS server on one socket, for foreign clients: it sends back what it hears. By address alone; a connection id is given to who asks for one.</summary>
internal sealed class DtlsEcho : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly HelloVerifier _verifier = new();
    private readonly PskDtlsServerOptions _options;
    private readonly Dictionary<SocketAddress, PskDtlsServer> _servers = [];
    private readonly byte[] _plain = new byte[65536], _wire = new byte[65536];
    private readonly Thread _thread;
    private volatile bool _stopping;

    public DtlsEcho(PskDtlsServerOptions options)
    {
        _options = options;
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _socket.ReceiveTimeout = 20;
        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
        _thread = new Thread(Serve) { IsBackground = true };
        _thread.Start();
    }

    public int Port { get; }

    /// <summary>What every connected session agreed on, in order.</summary>
    public ConcurrentQueue<PskTlsSession> Sessions { get; } = [];

    /// <summary>True for a session whose client sends connection ids.</summary>
    public ConcurrentQueue<bool> ConnectionIds { get; } = [];

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _socket.Dispose();
        foreach (PskDtlsServer server in _servers.Values)
            server.Dispose();
    }

    private static long Now => Environment.TickCount64;

    private void Serve()
    {
        var from = new SocketAddress(AddressFamily.InterNetwork);
        byte[] datagram = new byte[65536];
        while (!_stopping)
        {
            try
            {
                int length = _socket.ReceiveFrom(datagram, SocketFlags.None, from);
                Take(datagram.AsSpan(0, length), from);
            }
            catch (SocketException)
            {
                // Nothing came, or somebody is gone.
            }
            foreach ((SocketAddress to, PskDtlsServer server) in _servers)
            {
                if (server.Deadline <= Now)
                    server.Tick(Now);
                Flush(server, to);
            }
        }
    }

    private void Take(Span<byte> datagram, SocketAddress from)
    {
        bool known = _servers.TryGetValue(from, out PskDtlsServer? server);
        if (!known || server!.Error is not null || (server.IsConnected && DtlsRecordHeader.IsClientHello(datagram)))
        {
            HelloVerdict verdict = _verifier.Verify(datagram, from.Buffer.Span[..from.Size], Now, _wire, out int written);
            if (verdict == HelloVerdict.Answer)
                _socket.SendTo(_wire.AsSpan(0, written), SocketFlags.None, from);
            if (verdict != HelloVerdict.Accept)
                return;
            server?.Dispose();
            var kept = new SocketAddress(from.Family, from.Size);
            from.Buffer.Span[..from.Size].CopyTo(kept.Buffer.Span);
            _servers.Remove(kept);
            _servers[kept] = server = new PskDtlsServer(_options, [1, 2, 3, 4]);
        }
        while (!datagram.IsEmpty)
        {
            bool connected = server!.IsConnected;
            PskTlsStatus status = server.Receive(datagram, Now, _plain, out int consumed, out int written);
            datagram = datagram[consumed..];
            if (status == PskTlsStatus.NeedsPsk)
                Answer(server);
            Flush(server, from);
            if (!connected && server.IsConnected)
            {
                ConnectionIds.Enqueue(server.UsesConnectionId);
                Sessions.Enqueue(server.Session!);
            }
            if (written > 0)
            {
                server.Write(_plain.AsSpan(0, Math.Min(written, server.MaxPlaintext)), _wire, out int length);
                _socket.SendTo(_wire.AsSpan(0, length), SocketFlags.None, from);
            }
        }
    }

    private static void Answer(PskDtlsServer server)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        TicketStatus status = server.OpenTicket(now, out SessionTicket? ticket);
        using (ticket)
        {
            if (ticket is not null)
                server.ProvideTicket(ticket);
            else if (status == TicketStatus.NotATicket && server.GetPendingIdentity(0).SequenceEqual(Encoding.ASCII.GetBytes(PskServer.Identity)))
                server.ProvidePsk(Convert.FromHexString(PskServer.Key), new PskTerms { IssueTickets = true, Now = now });
            else
                server.RejectPsk();
        }
        server.Continue(Now);
    }

    private void Flush(PskDtlsServer server, SocketAddress to)
    {
        while (server.Flush(_wire, out int length))
            _socket.SendTo(_wire.AsSpan(0, length), SocketFlags.None, to);
    }
}
