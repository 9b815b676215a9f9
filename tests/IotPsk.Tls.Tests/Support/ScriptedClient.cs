using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A client made by hand from the parts, free to send anything under the keys of the handshake.</summary>
internal sealed class ScriptedClient : IDisposable
{
    private static readonly CryptoProvider Crypto = CryptoProvider.Default;

    private readonly HandshakeSecrets _secrets = new(Crypto, TlsHash.Sha256, Link.Key);
    private readonly byte[] _clientSecret = new byte[32];
    private readonly byte[] _hash = new byte[32];
    private readonly RecordProtection _write;
    private readonly byte[] _records;

    /// <summary>Sends the hello and takes the server's flight.</summary>
    public ScriptedClient(TestServer server, TestHello hello)
    {
        byte[] message = hello.Message();
        _records = server.Deliver(TestRecord.Plain(22, message));
        Assert.Null(server.Server.Error);
        byte[] answer = NextRecord()[5..];
        Assert.Equal(TlsErrorReason.None, ServerHello.Parse(answer, out ServerHello parsed));
        byte[] shared = new byte[32];
        Assert.True(hello.Key.TryAgree(parsed.KeyShare.Of(answer), shared));
        _secrets.Transcript.Append(message);
        _secrets.Transcript.Append(answer);
        _secrets.Schedule.MixSharedSecret(shared);
        _secrets.Transcript.Snapshot(_hash);
        byte[] serverSecret = new byte[32];
        _secrets.Schedule.DeriveSecret("s hs traffic"u8, _hash, serverSecret);
        _secrets.Schedule.DeriveSecret("c hs traffic"u8, _hash, _clientSecret);
        Assert.True(CipherSuiteParameters.TryGet(CipherSuite.TLS_AES_128_GCM_SHA256, out CipherSuiteParameters? suite));
        _write = new RecordProtection(Crypto, suite, _clientSecret);
        using var read = new RecordProtection(Crypto, suite, serverSecret);
        while (_records.Length > Consumed)
        {
            byte[] record = NextRecord();
            byte[] plaintext = new byte[record.Length - 5 - 16];
            Assert.True(read.TryOpen(record, plaintext));
            _secrets.Transcript.Append(plaintext.AsSpan(0, plaintext.Length - 1));
        }

        _secrets.Transcript.Snapshot(_hash);
    }

    private int Consumed { get; set; }

    /// <summary>The right Finished message.</summary>
    public byte[] Finished()
    {
        byte[] verifyData = new byte[32];
        _secrets.Schedule.ComputeFinished(_clientSecret, _hash, verifyData);
        return [20, 0, 0, 32, .. verifyData];
    }

    public byte[] Protect(byte type, params byte[] content)
    {
        byte[] record = new byte[content.Length + _write.Overhead];
        _write.Seal((ContentType)type, content, record);
        return record;
    }

    public void Dispose()
    {
        _secrets.Dispose();
        _write.Dispose();
    }

    private byte[] NextRecord()
    {
        int length = 5 + (_records[Consumed + 3] << 8) + _records[Consumed + 4];
        Consumed += length;
        return _records[(Consumed - length)..Consumed];
    }
}
