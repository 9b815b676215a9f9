namespace IotPsk.Tls.Tests.Support;

/// <summary>A client and a server of this engine on an in-memory link.</summary>
internal sealed class Link : IDisposable
{
    public static readonly byte[] Identity = "dev-1~1"u8.ToArray();
    public static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    public Link(PskTlsClientOptions? client = null, PskTlsServerOptions? server = null, Action<PskTlsServer>? answer = null)
        : this(new PskTlsClient(client ?? ClientOptions()), new PskTlsServer(server ?? new PskTlsServerOptions()), answer ?? Provide)
    {
    }

    public Link(PskTlsClient client, PskTlsServer server, Action<PskTlsServer> answer)
    {
        Client = client;
        Server = server;
        ClientEnd = new Wire(Client);
        ServerEnd = new Wire(Server);
        Answer = answer;
    }

    public PskTlsClient Client { get; }

    public PskTlsServer Server { get; }

    public Wire ClientEnd { get; }

    public Wire ServerEnd { get; }

    public Action<PskTlsServer> Answer { get; }

    /// <summary>Changes what goes over the link; the first argument is true from client to server.</summary>
    public Func<bool, byte[], byte[]> Tamper { get; set; } = (_, bytes) => bytes;

    /// <summary>How many bytes arrive at once.</summary>
    public int Chunk { get; set; } = int.MaxValue;

    /// <summary>The answer of an owner who knows the one client.</summary>
    public static void Provide(PskTlsServer server) => server.ProvidePsk(0, Key, PskBinder.Imported, TlsHash.Sha256);

    public static PskTlsCredential Credential(PskBinder binder = PskBinder.Imported, TlsHash hash = TlsHash.Sha256) => new(Identity, Key, binder, hash);

    public static PskTlsClientOptions ClientOptions() => new() { Credentials = [Credential()] };

    /// <summary>Runs until nobody has anything to say.</summary>
    public void Run()
    {
        byte[] toServer = ClientEnd.Deliver([]);
        byte[] toClient = [];
        for (int turn = 0; toServer.Length + toClient.Length > 0; turn++)
        {
            Assert.True(turn < 1000, "the two ends do not come to rest");
            toClient = DeliverToServer(Tamper(true, toServer));
            toServer = Deliver(ClientEnd, Tamper(false, toClient));
            toClient = [];
        }
    }

    public void Connect()
    {
        Run();
        Assert.Null(Client.Error);
        Assert.Null(Server.Error);
        Assert.True(Client.IsConnected);
        Assert.True(Server.IsConnected);
    }

    public byte[] DeliverToServer(byte[] bytes)
    {
        byte[] output = Deliver(ServerEnd, bytes);
        if (ServerEnd.Status != PskTlsStatus.NeedsPsk)
            return output;
        Answer(Server);
        return [.. output, .. Deliver(ServerEnd, [])];
    }

    /// <summary>Data both ways.</summary>
    public void Exchange(int size = 100)
    {
        byte[] data = [.. Enumerable.Range(0, size).Select(i => (byte)(i * 7))];
        ServerEnd.Received.Clear();
        ClientEnd.Received.Clear();
        Deliver(ClientEnd, DeliverToServer(ClientEnd.Write(data)));
        DeliverToServer(Deliver(ClientEnd, ServerEnd.Write(data)));
        Assert.Equal(data, ServerEnd.Received);
        Assert.Equal(data, ClientEnd.Received);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private byte[] Deliver(Wire end, byte[] bytes)
    {
        if (bytes.Length == 0)
            return end.Deliver(bytes);
        var output = new List<byte>();
        for (int i = 0; i < bytes.Length; i += Math.Min(Chunk, bytes.Length - i))
        {
            output.AddRange(end.Deliver(bytes.AsSpan(i, Math.Min(Chunk, bytes.Length - i))));
            if (end.Status == PskTlsStatus.NeedsPsk && end == ServerEnd)
            {
                Answer(Server);
                output.AddRange(end.Deliver([]));
            }
        }

        return [.. output];
    }
}
