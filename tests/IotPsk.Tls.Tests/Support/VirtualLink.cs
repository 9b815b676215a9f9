namespace IotPsk.Tls.Tests.Support;

/// <summary>
/// A client and a server of DTLS on a network that loses, doubles, delays and reorders datagrams as a seed says, under a clock that only the link moves.
/// The server's front is the verifier of cookies, as at an endpoint.
/// </summary>
internal sealed class VirtualLink : IDisposable
{
    private readonly PriorityQueue<Packet, (long Time, long Order)> _onTheWay = new();
    private readonly Random _random;
    private readonly HelloVerifier _verifier = new();
    private readonly PskDtlsServerOptions _serverOptions;
    private readonly byte[] _serverId;
    private readonly byte[] _buffer = new byte[70_000];
    private long _order;

    public VirtualLink(PskDtlsClientOptions? client = null, PskDtlsServerOptions? server = null, byte[]? clientId = null, byte[]? serverId = null, int seed = 0)
        : this(new PskDtlsClient(client ?? ClientOptions, clientId ?? []), server, serverId, seed)
    {
    }

    public VirtualLink(PskDtlsClient client, PskDtlsServerOptions? server = null, byte[]? serverId = null, int seed = 0)
    {
        Client = client;
        _serverOptions = server ?? new PskDtlsServerOptions();
        _serverId = serverId ?? [];
        _random = new Random(seed);
    }

    public static PskDtlsClientOptions ClientOptions { get; } = new() { Credential = Link.Credential(PskBinder.External) };

    public PskDtlsClient Client { get; }

    /// <summary>Made when the verifier accepts a hello.</summary>
    public PskDtlsServer? Server { get; set; }

    public long Now { get; private set; } = 1_000_000;

    /// <summary>Of a hundred datagrams, each way.</summary>
    public int LossPercent { get; set; }

    public int DuplicatePercent { get; set; }

    /// <summary>A datagram takes between one and this many milliseconds, so that they overtake each other.</summary>
    public int MaxDelay { get; set; } = 1;

    /// <summary>How long the owner takes to find a key, in milliseconds.</summary>
    public int KeyDelay { get; set; }

    /// <summary>Sees, and may change or drop, what is put on the way; the first argument is true from client to server.</summary>
    public Func<bool, byte[], byte[]?> Tamper { get; set; } = (_, datagram) => datagram;

    /// <summary>The owner's answer.</summary>
    public Action<PskDtlsServer> Answer { get; set; } = server => server.ProvidePsk(Link.Key);

    public byte ClientAddress { get; set; } = 1;

    public List<byte[]> ServerReceived { get; } = [];

    public List<byte[]> ClientReceived { get; } = [];

    public int Datagrams { get; private set; }

    public int Questions { get; private set; }

    public HelloVerifier Verifier => _verifier;

    public bool IsDone => Client.IsConnected && Server is { IsConnected: true };

    /// <summary>Both ends have given up, or one is connected and the other has given up.</summary>
    public bool IsOver => Client.Error is not null || Server?.Error is not null;

    /// <summary>Starts the client and runs until both are connected or nothing happens any more.</summary>
    public void Handshake(int maxSteps = 20_000)
    {
        Client.Continue(Now);
        Send(fromClient: true);
        Run(() => IsDone && _onTheWay.Count == 0, maxSteps);
    }

    public void Connect()
    {
        Handshake();
        Assert.True(Client.Error is null, $"{Client.Error}");
        Assert.True(Server?.Error is null, $"{Server?.Error}");
        Assert.True(IsDone, "not connected");
    }

    /// <summary>Runs events in their order until the condition holds or nothing is left to happen.</summary>
    public void Run(Func<bool> until, int maxSteps = 20_000)
    {
        for (int step = 0; !until(); step++)
        {
            Assert.True(step < maxSteps, "the two ends do not come to rest");
            long timer = Math.Min(Client.Deadline, Server?.Deadline ?? long.MaxValue);
            if (_onTheWay.TryPeek(out _, out (long Time, long Order) next) && next.Time <= timer)
            {
                Now = Math.Max(Now, next.Time);
                Arrive(_onTheWay.Dequeue());
            }
            else if (timer != long.MaxValue)
            {
                Now = Math.Max(Now, timer);
                Tick();
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>Delivers everything that is on the way, without a timer going off.</summary>
    public void Settle() => Run(() => _onTheWay.Count == 0);

    public void Wait(long milliseconds) => Now += milliseconds;

    public void Tick()
    {
        if (Client.Deadline <= Now)
            Client.Tick(Now);
        if (Server?.Deadline <= Now)
            Server.Tick(Now);
        Send(fromClient: true);
        Send(fromClient: false);
    }

    public void ClientWrites(byte[] data) => Put(true, Sealed(Client, data));

    public void ServerWrites(byte[] data) => Put(false, Sealed(Server!, data));

    public static byte[] Sealed(PskDtlsConnection connection, byte[] data)
    {
        byte[] datagram = new byte[connection.Mtu];
        Assert.Equal(PskTlsStatus.Complete, connection.Write(data, datagram, out int written));
        return datagram[..written];
    }

    /// <summary>Data both ways.</summary>
    public void Exchange(int size = 100)
    {
        byte[] data = [.. Enumerable.Range(0, size).Select(i => (byte)(i * 7))];
        ServerReceived.Clear();
        ClientReceived.Clear();
        ClientWrites(data);
        Settle();
        ServerWrites(data);
        Settle();
        Assert.Equal(data, Assert.Single(ServerReceived));
        Assert.Equal(data, Assert.Single(ClientReceived));
    }

    /// <summary>Hands a datagram to an end at once, and puts its answers on the way.</summary>
    public void Deliver(bool toServer, byte[] datagram)
    {
        if (toServer)
            ToServer(datagram, ClientAddress);
        else
            Take(Client, datagram, ClientReceived);
        Send(fromClient: true);
        Send(fromClient: false);
    }

    /// <summary>Puts what an end has to say on the way.</summary>
    public void Send(bool fromClient)
    {
        PskDtlsConnection? end = fromClient ? Client : Server;
        while (end is not null && end.Flush(_buffer, out int written))
        {
            Assert.InRange(written, 1, end.Mtu);
            Put(fromClient, _buffer[..written]);
        }
    }

    public void Put(bool fromClient, byte[] datagram)
    {
        if (Tamper(fromClient, datagram) is not { } changed)
            return;
        Datagrams++;
        if (_random.Next(100) < LossPercent)
            return;
        int copies = _random.Next(100) < DuplicatePercent ? 2 : 1;
        for (int i = 0; i < copies; i++)
            _onTheWay.Enqueue(new Packet(fromClient, changed, ClientAddress), (Now + 1 + _random.Next(MaxDelay), _order++));
    }

    public void Dispose()
    {
        Client.Dispose();
        Server?.Dispose();
    }

    private void Arrive(Packet packet)
    {
        if (packet.Datagram.Length == 0)
            AnswerQuestion();
        else if (packet.ToServer)
            ToServer(packet.Datagram, packet.Address);
        else
            Take(Client, packet.Datagram, ClientReceived);
        Send(fromClient: true);
        Send(fromClient: false);
    }

    private void ToServer(byte[] datagram, byte address)
    {
        if (Server is null)
        {
            HelloVerdict verdict = _verifier.Verify(datagram, [address], Now, _buffer, out int written);
            if (verdict == HelloVerdict.Answer)
                Put(false, _buffer[..written]);
            if (verdict != HelloVerdict.Accept)
                return;
            Server = new PskDtlsServer(_serverOptions, _serverId);
        }

        Take(Server, datagram, ServerReceived);
    }

    private void Take(PskDtlsConnection end, byte[] datagram, List<byte[]> received)
    {
        byte[] plaintext = new byte[datagram.Length];
        ReadOnlySpan<byte> rest = datagram;
        while (!rest.IsEmpty)
        {
            PskTlsStatus status = end.Receive(rest, Now, plaintext, out int consumed, out int written);
            Assert.InRange(consumed, 1, rest.Length);
            rest = rest[consumed..];
            if (written > 0)
                received.Add(plaintext[..written]);
            if (status == PskTlsStatus.NeedsPsk)
                Ask();
        }
    }

    private void Ask()
    {
        if (KeyDelay == 0)
        {
            Questions++;
            AnswerQuestion();
        }
        else if (Questions == 0)
        {
            Questions++;
            _onTheWay.Enqueue(new Packet(true, [], 0), (Now + KeyDelay, _order++));
        }
    }

    private void AnswerQuestion()
    {
        Answer(Server!);
        if (Server!.Continue(Now) == PskTlsStatus.NeedsPsk)
            AnswerQuestion();
    }

    private sealed record Packet(bool ToServer, byte[] Datagram, byte Address);
}
