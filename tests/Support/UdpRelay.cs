using System.Net;
using System.Net.Sockets;

namespace IotPsk.TestSupport;

/// <summary>What a <see cref="UdpRelay"/> does to datagrams. Probabilities are 0..1 and hold for each direction.</summary>
internal sealed record Impairment
{
    /// <summary>How many of the datagrams never arrive.</summary>
    internal double Loss { get; init; }

    /// <summary>How many arrive twice.</summary>
    internal double Duplication { get; init; }

    /// <summary>How many come <see cref="Lateness"/> later than the others.</summary>
    internal double Reordering { get; init; }

    /// <summary>How late a reordered datagram is.</summary>
    internal TimeSpan Lateness { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long every datagram is on its way.</summary>
    internal TimeSpan Delay { get; init; }

    /// <summary>Larger payloads, in bytes, never arrive.</summary>
    internal int Mtu { get; init; } = ushort.MaxValue;
}

/// <summary>
/// A bad network in front of a real UDP server: clients send to <see cref="EndPoint"/>, and each one reaches the server from
/// a socket of its own, as through a NAT. What is lost, doubled or late is drawn from a seed.
/// </summary>
internal sealed class UdpRelay : IDisposable
{
    private readonly IPEndPoint _server;
    private readonly Socket _front = NewSocket();
    private readonly Dictionary<EndPoint, Flow> _flows = [];
    private readonly PriorityQueue<Passage, (long Due, long Number)> _underway = new();
    private readonly Random[] _random;
    private readonly object _gate = new();
    private readonly Thread _pump;
    private volatile Impairment _impairment;
    private long _number;
    private bool _closed;

    internal UdpRelay(IPEndPoint server, Impairment impairment, int seed)
    {
        _server = server;
        _impairment = impairment;
        // One sequence for each direction: what one peer sends does not change what befalls the other's datagrams.
        _random = [new Random(seed), new Random(~seed)];
        EndPoint = (IPEndPoint)_front.LocalEndPoint!;
        _pump = new Thread(Pump) { IsBackground = true, Name = "udp relay" };
        _pump.Start();
        _ = ReadClients();
    }

    /// <summary>Where clients send.</summary>
    internal IPEndPoint EndPoint { get; }

    /// <summary>What happens to datagrams from now on.</summary>
    internal Impairment Impairment
    {
        get => _impairment;
        set => _impairment = value;
    }

    /// <summary>Datagrams passed on, in both directions; duplicates count.</summary>
    internal int Delivered => Volatile.Read(ref _delivered);

    /// <summary>Datagrams dropped.</summary>
    internal int Dropped => Volatile.Read(ref _dropped);

    /// <summary>Datagrams that came to the relay, from both sides.</summary>
    internal int Seen => Volatile.Read(ref _seen);

    /// <summary>Datagrams that wait for their time.</summary>
    internal int Underway
    {
        get
        {
            lock (_gate) return _underway.Count;
        }
    }

    private int _delivered;
    private int _dropped;
    private int _seen;

    /// <summary>Every client gets another source port towards the server; what is on its way to the old one is lost.</summary>
    internal void Rebind()
    {
        lock (_gate)
        {
            foreach (var flow in _flows.Values)
            {
                flow.Outer.Dispose();
                flow.Outer = NewSocket();
                _ = ReadServer(flow, flow.Outer);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            _front.Dispose();
            foreach (var flow in _flows.Values) flow.Outer.Dispose();
            Monitor.PulseAll(_gate);
        }
        _pump.Join();
    }

    private static Socket NewSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private async Task ReadClients()
    {
        var buffer = new byte[ushort.MaxValue];
        while (true)
        {
            try
            {
                var received = await _front.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                if (FlowOf(received.RemoteEndPoint) is { } flow) Admit(buffer.AsSpan(0, received.ReceivedBytes), flow, toServer: true);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // A client's port was closed when something came for it (ICMP); its next datagram may come.
                if (_closed) return;
            }
        }
    }

    private async Task ReadServer(Flow flow, Socket outer)
    {
        var buffer = new byte[ushort.MaxValue];
        while (true)
        {
            try
            {
                var received = await outer.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                if (received.RemoteEndPoint.Equals(_server)) Admit(buffer.AsSpan(0, received.ReceivedBytes), flow, toServer: false);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                if (_closed || !ReferenceEquals(outer, flow.Outer)) return;
            }
        }
    }

    private Flow? FlowOf(EndPoint client)
    {
        lock (_gate)
        {
            if (_closed) return null;
            if (_flows.TryGetValue(client, out var flow)) return flow;
            flow = new Flow(client, NewSocket());
            _flows.Add(client, flow);
            _ = ReadServer(flow, flow.Outer);
            return flow;
        }
    }

    private void Admit(ReadOnlySpan<byte> datagram, Flow flow, bool toServer)
    {
        var impairment = _impairment;
        lock (_gate)
        {
            _seen++;
            var random = _random[toServer ? 0 : 1];
            // Always three draws, so that one probability does not shift what the others decide.
            var (loss, duplication, reordering) = (random.NextDouble(), random.NextDouble(), random.NextDouble());
            if (loss < impairment.Loss || datagram.Length > impairment.Mtu)
            {
                _dropped++;
                return;
            }
            var delay = impairment.Delay + (reordering < impairment.Reordering ? impairment.Lateness : TimeSpan.Zero);
            var bytes = datagram.ToArray();
            for (var copies = duplication < impairment.Duplication ? 2 : 1; copies > 0; copies--)
            {
                _underway.Enqueue(new Passage(bytes, flow, toServer), (Environment.TickCount64 + (long)delay.TotalMilliseconds, _number++));
            }
            Monitor.PulseAll(_gate);
        }
    }

    private void Pump()
    {
        lock (_gate)
        {
            while (!_closed)
            {
                if (!_underway.TryPeek(out var passage, out var when)) Monitor.Wait(_gate);
                else if (when.Due - Environment.TickCount64 is > 0 and var left) Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left));
                else
                {
                    _underway.Dequeue();
                    Deliver(passage);
                }
            }
        }
    }

    private void Deliver(Passage passage)
    {
        // Counted first: whoever has the datagram finds it counted.
        _delivered++;
        try
        {
            if (passage.ToServer) passage.Flow.Outer.SendTo(passage.Datagram, _server);
            else _front.SendTo(passage.Datagram, passage.Flow.Client);
        }
        catch (SocketException)
        {
            _delivered--;
            _dropped++;
        }
    }

    private sealed class Flow(EndPoint client, Socket outer)
    {
        internal EndPoint Client { get; } = client;

        internal Socket Outer { get; set; } = outer;
    }

    private sealed record Passage(byte[] Datagram, Flow Flow, bool ToServer);
}
