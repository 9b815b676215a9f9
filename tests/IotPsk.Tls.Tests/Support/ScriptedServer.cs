using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A server made by hand from the parts, free to send anything under the right keys.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private static readonly CryptoProvider Crypto = CryptoProvider.Default;

    private readonly HandshakeSecrets _secrets;
    private readonly Wire _end;
    private byte[] _hello;
    private RecordProtection? _write;
    private RecordProtection? _read;
    private byte[] _serverSecret = [];
    private byte[] _lastOutput = [];

    public ScriptedServer(PskTlsClientOptions options, byte[]? key = null)
    {
        Client = new PskTlsClient(options);
        _end = new Wire(Client);
        _hello = _end.Deliver([])[5..];
        _secrets = new HandshakeSecrets(Crypto, TlsHash.Sha256, key ?? Link.Key);
        _secrets.Transcript.Append(_hello);
    }

    public PskTlsClient Client { get; }

    public List<byte> Received => _end.Received;

    /// <summary>A HelloRetryRequest; the second hello is taken.</summary>
    public void SendRetry(byte[] extensions)
    {
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(_hello, out ClientHello hello));
        byte[] message = Tests.Handshake.HostileServerTests.Hello(
            random: ServerHello.RetryRandom.ToArray(), sessionId: hello.SessionId.Of(_hello).ToArray(), extensions: [0, 43, 0, 2, 3, 4, .. extensions]);
        LastRetry = message;
        _secrets.Transcript.ReplaceByMessageHash();
        _secrets.Transcript.Append(message);
        byte[] output = _end.Deliver(TestRecord.Plain(22, message));
        Assert.Null(Client.Error);
        _hello = output[(output.AsSpan().IndexOf((byte[])[22, 3, 3]) + 5)..];
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(_hello, out hello));
        Assert.NotNull(BinderVerified.Check(_secrets, PskBinder.Imported, _hello, hello, 0));
    }

    public ReadOnlySpan<byte> Hello => _hello;

    public byte[] LastRetry { get; private set; } = [];

    /// <summary>A handshake message as a plain record.</summary>
    public void SendPlain(byte[] message) => _end.Deliver(TestRecord.Plain(22, message));

    public void SendServerHello()
    {
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(_hello, out ClientHello hello));
        using KeyAgreement agreement = Crypto.CreateKeyAgreement(NamedGroup.Secp256r1);
        byte[] shared = new byte[32];
        Assert.True(agreement.TryAgree(KeyShare.Find(hello.KeyShares.Of(_hello), NamedGroup.Secp256r1), shared));
        byte[] share = new byte[65];
        agreement.WritePublicKey(share);
        byte[] message = Tests.Handshake.HostileServerTests.Hello(
            sessionId: hello.SessionId.Of(_hello).ToArray(), extensions: [0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0, 0, 51, 0, 69, 0, 0x17, 0, 65, .. share]);
        _secrets.Transcript.Append(message);
        _secrets.Schedule.MixSharedSecret(shared);
        (_serverSecret, byte[] clientSecret) = Derive("s hs traffic"u8, "c hs traffic"u8);
        SetKeys(_serverSecret, clientSecret);
        _lastOutput = _end.Deliver(TestRecord.Plain(22, message));
    }

    public void SendProtected(byte type, byte[] content)
    {
        byte[] record = new byte[content.Length + _write!.Overhead];
        _write.Seal((ContentType)type, content, record);
        _lastOutput = _end.Deliver(record);
    }

    /// <summary>EncryptedExtensions and the right Finished; the keys of data follow.</summary>
    public void Finish(byte[] extensions)
    {
        byte[] encrypted = Tests.Handshake.HostileServerTests.Encrypted(extensions);
        _secrets.Transcript.Append(encrypted);
        byte[] hash = new byte[32];
        byte[] verifyData = new byte[32];
        _secrets.Transcript.Snapshot(hash);
        _secrets.Schedule.ComputeFinished(_serverSecret, hash, verifyData);
        byte[] finished = [20, 0, 0, 32, .. verifyData];
        _secrets.Transcript.Append(finished);
        SendProtected(22, [.. encrypted, .. finished]);
        _secrets.Schedule.Finish();
        (byte[] server, byte[] client) = Derive("s ap traffic"u8, "c ap traffic"u8);
        SetKeys(server, client);
    }

    /// <summary>The alert in what the client sent last, under the keys of the handshake.</summary>
    public AlertDescription? LastAlert()
    {
        for (int i = 0; i < _lastOutput.Length;)
        {
            int length = 5 + (_lastOutput[i + 3] << 8) + _lastOutput[i + 4];
            byte[] record = _lastOutput[i..(i + length)];
            i += length;
            byte[] plain = new byte[length];
            if (record[0] == 23 && _read!.TryOpen(record, plain) && plain[2] == 21)
                return (AlertDescription)plain[1];
        }

        return null;
    }

    public void Dispose()
    {
        Client.Dispose();
        _secrets.Dispose();
        _write?.Dispose();
        _read?.Dispose();
    }

    private (byte[] First, byte[] Second) Derive(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        byte[] hash = new byte[32];
        byte[] a = new byte[32];
        byte[] b = new byte[32];
        _secrets.Transcript.Snapshot(hash);
        _secrets.Schedule.DeriveSecret(first, hash, a);
        _secrets.Schedule.DeriveSecret(second, hash, b);
        return (a, b);
    }

    private void SetKeys(byte[] server, byte[] client)
    {
        Assert.True(CipherSuiteParameters.TryGet(CipherSuite.TLS_AES_128_GCM_SHA256, out CipherSuiteParameters? suite));
        _write?.Dispose();
        _read?.Dispose();
        _write = new RecordProtection(Crypto, suite, server);
        _read = new RecordProtection(Crypto, suite, client);
    }
}
