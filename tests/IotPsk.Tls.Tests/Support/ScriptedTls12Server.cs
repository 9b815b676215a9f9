using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A server of TLS 1.2 made by hand from the parts, free to send anything at any time.</summary>
internal sealed class ScriptedTls12Server : IDisposable
{
    private readonly Wire _end;
    private readonly Tls12Handshake _handshake;
    private readonly byte[] _clientHello;
    private Tls12Protection? _read;

    public ScriptedTls12Server(PskTlsClientOptions? options = null, CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)
    {
        Client = new PskTlsClient(options ?? Tls12Link.ClientOptions);
        _end = new Wire(Client);
        _clientHello = _end.Deliver([])[5..];
        Assert.True(Tls12Suite.TryGet(suite, out Tls12Suite? row));
        _handshake = new Tls12Handshake(CryptoProvider.Default, row);
        _clientHello.AsSpan(6, 32).CopyTo(_handshake.ClientRandom);
        _handshake.ServerRandom.Fill(9);
        _handshake.Transcript.Append(_clientHello);
    }

    public PskTlsClient Client { get; }

    public byte[] ClientSessionId => _clientHello[39..(39 + _clientHello[38])];

    public bool ExtendedMasterSecret { get; init; } = true;

    public Tls12Protection Write { get; private set; } = null!;

    public List<byte> Received => _end.Received;

    /// <summary>ServerHello with what a PSK server says, unless it is changed.</summary>
    public static byte[] Hello(
        CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, ushort version = 0x0303, byte[]? random = null, byte[]? sessionId = null, byte compression = 0,
        byte[]? extensions = null, bool ems = true, bool renegotiation = true, byte[]? trailer = null)
    {
        byte[] block = [.. renegotiation ? (byte[])[0xff, 1, 0, 1, 0] : [], .. ems ? (byte[])[0, 23, 0, 0] : [], .. extensions ?? []];
        byte[] body =
        [
            (byte)(version >> 8), (byte)version, .. random ?? [.. Enumerable.Repeat((byte)9, 32)], (byte)(sessionId?.Length ?? 0), .. sessionId ?? [],
            (byte)((int)suite >> 8), (byte)suite, compression, (byte)(block.Length >> 8), (byte)block.Length, .. block, .. trailer ?? [],
        ];
        return [2, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }

    /// <summary>Sends plain handshake messages, noted in the transcript, in one record.</summary>
    public byte[] Send(params byte[] messages)
    {
        _handshake.Transcript.Append(messages);
        return _end.Deliver(TestRecord.Plain(22, messages));
    }

    public byte[] Deliver(byte[] records) => _end.Deliver(records);

    /// <summary>ServerHello and ServerHelloDone, and takes the client's flight.</summary>
    public void SendHello(bool done = true)
    {
        byte[] output = Send([.. Hello(_handshake.Suite.Suite, ems: ExtendedMasterSecret), .. done ? (byte[])[14, 0, 0, 0] : []]);
        if (done)
            Take(output, []);
    }

    /// <summary>Takes the client's ClientKeyExchange, makes the keys, checks its Finished.</summary>
    public void Take(byte[] flight, byte[] shared)
    {
        Assert.True(Client.Error is null, $"{Client.Error}");
        int length = 5 + (flight[3] << 8) + flight[4];
        _handshake.ExtendedMasterSecret = ExtendedMasterSecret;
        _handshake.Transcript.Append(flight.AsSpan(5, length - 5));
        _handshake.DeriveMaster(Link.Key, shared);
        (_read, Write) = _handshake.DeriveKeys();
        Assert.Equal([20, 3, 3, 0, 1, 1], flight[length..(length + 6)]);
        byte[] finished = new byte[16];
        Assert.True(_read.TryOpen(flight.AsSpan(length + 6), finished));
        Assert.NotNull(_handshake.CheckFinished(ofClient: true, new HandshakeMessage(finished, true), out _));
    }

    /// <summary>The right Finished.</summary>
    public byte[] Finished()
    {
        byte[] hash = new byte[32];
        byte[] verifyData = new byte[12];
        _handshake.Transcript.Snapshot(hash);
        _handshake.Master!.ComputeFinished(ofClient: false, hash, verifyData);
        return [20, 0, 0, 12, .. verifyData];
    }

    public void Finish() => _end.Deliver([.. TestRecord.Plain(20, 1), .. Protect(22, Finished())]);

    public byte[] Protect(byte type, params byte[] content)
    {
        byte[] record = new byte[content.Length + Write.Overhead];
        Write.Seal((ContentType)type, content, record);
        return record;
    }

    /// <summary>A ServerKeyExchange of ECDHE_PSK.</summary>
    public static byte[] KeyExchange(KeyAgreement key, byte[]? hint = null)
    {
        byte[] buffer = new byte[500];
        var writer = new WireWriter(buffer);
        ServerKeyExchange.Write(ref writer, hint, key);
        return writer.Written.ToArray();
    }

    public void Dispose()
    {
        Client.Dispose();
        _handshake.Dispose();
        _read?.Dispose();
        Write?.Dispose();
    }
}
