using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A client of TLS 1.2 made by hand from the parts, free to send anything at any time.</summary>
internal sealed class ScriptedTls12Client : IDisposable
{
    private readonly TestServer _server;
    private readonly Tls12Handshake _handshake;
    private readonly KeyAgreement? _key;
    private readonly byte[] _shared = [];

    /// <summary>Sends the hello and takes the server's flight.</summary>
    public ScriptedTls12Client(TestServer server, Action<TestHello>? change = null, CipherSuite suite = CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256)
    {
        _server = server;
        TestHello hello = Hello(suite);
        change?.Invoke(hello);
        byte[] message = hello.Message();
        byte[] flight = Messages(server.Deliver(TestRecord.Plain(22, message)));
        Assert.True(server.Server.Error is null, $"{server.Server.Error}");
        Assert.True(Tls12Suite.TryGet(suite, out Tls12Suite? row));
        _handshake = new Tls12Handshake(CryptoProvider.Default, row)
        {
            ExtendedMasterSecret = hello.Extensions.Any(extension => extension.Type == ExtensionType.ExtendedMasterSecret),
        };
        hello.Random.CopyTo(_handshake.ClientRandom);
        flight.AsSpan(6, 32).CopyTo(_handshake.ServerRandom);
        _handshake.Transcript.Append(message);
        _handshake.Transcript.Append(flight);
        SessionId = flight[39..(39 + flight[38])];
        if (!_handshake.UsesEcdhe)
            return;
        byte[] exchange = flight[(4 + flight[3])..^4];
        Assert.Equal(TlsErrorReason.None, ServerKeyExchange.Parse(exchange.AsSpan(4), ecdhe: true, out ServerKeyExchange parsed));
        _key = CryptoProvider.Default.CreateKeyAgreement(parsed.Group);
        _shared = new byte[32];
        Assert.True(_key.TryAgree(parsed.Point, _shared));
    }

    /// <summary>Of the server's hello.</summary>
    public byte[] SessionId { get; }

    public Tls12Protection Write { get; private set; } = null!;

    /// <summary>A good hello of TLS 1.2.</summary>
    public static TestHello Hello(CipherSuite suite = CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256)
    {
        var hello = new TestHello { CipherSuites = [(byte)((int)suite >> 8), (byte)suite] };
        hello.Psks.Clear();
        hello.Set(ExtensionType.SupportedGroups, 0, 2, 0, 0x17);
        hello.Set(ExtensionType.ExtendedMasterSecret);
        hello.Set(ExtensionType.RenegotiationInfo, 0);
        return hello;
    }

    /// <summary>The right ClientKeyExchange.</summary>
    public byte[] KeyExchange()
    {
        byte[] buffer = new byte[500];
        var writer = new WireWriter(buffer);
        ClientKeyExchange.Write(ref writer, Link.Identity, _key);
        return writer.Written.ToArray();
    }

    /// <summary>Sends ClientKeyExchange and makes the keys.</summary>
    public byte[] SendKeyExchange()
    {
        byte[] message = KeyExchange();
        _handshake.Transcript.Append(message);
        _handshake.DeriveMaster(Link.Key, _shared);
        (Write, Tls12Protection server) = _handshake.DeriveKeys();
        server.Dispose();
        return _server.Deliver(TestRecord.Plain(22, message));
    }

    /// <summary>The right Finished.</summary>
    public byte[] Finished()
    {
        byte[] hash = new byte[32];
        byte[] verifyData = new byte[12];
        _handshake.Transcript.Snapshot(hash);
        _handshake.Master!.ComputeFinished(ofClient: true, hash, verifyData);
        return [20, 0, 0, 12, .. verifyData];
    }

    /// <summary>change_cipher_spec and Finished.</summary>
    public byte[] SendFinished() => _server.Deliver([.. TestRecord.Plain(20, 1), .. Protect(22, Finished())]);

    public byte[] Protect(byte type, params byte[] content)
    {
        byte[] record = new byte[content.Length + Write.Overhead];
        Write.Seal((ContentType)type, content, record);
        return record;
    }

    /// <summary>What lets another client resume the session by its id.</summary>
    public PskTlsTicket ToTicket() => new(SessionId, isSessionId: true, _handshake.Master!.Bytes, _handshake.Suite, 0);

    public void Dispose()
    {
        _handshake.Dispose();
        _key?.Dispose();
        Write?.Dispose();
    }

    /// <summary>The contents of plain handshake records.</summary>
    internal static byte[] Messages(byte[] records)
    {
        var content = new List<byte>();
        for (int i = 0; i < records.Length;)
        {
            int length = (records[i + 3] << 8) + records[i + 4];
            content.AddRange(records.AsSpan(i + 5, length));
            i += 5 + length;
        }

        return [.. content];
    }
}
