using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>What a client refuses in a server's answer.</summary>
public class HostileServerTests
{
    private static readonly byte[] Versions = [0, 43, 0, 2, 3, 4];
    private static readonly byte[] Psk = [0, 41, 0, 2, 0, 0];
    private static readonly byte[] P256Share = [0, 51, 0, 69, 0, 0x17, 0, 65, .. Point()];

    public static TheoryData<string> Answers => [.. BadAnswers.Keys];

    internal static Dictionary<string, (byte[] Message, TlsErrorReason Reason)> BadAnswers => new()
    {
        ["TLS 1.2"] = (Hello(extensions: []), TlsErrorReason.ServerTooOld),
        ["TLS 1.2 with the mark of a downgrade"] = (Hello(random: [.. new byte[24], .. "DOWNGRD\u0001"u8], extensions: []), TlsErrorReason.DowngradeDetected),
        ["TLS 1.1 with the mark of a downgrade"] = (Hello(version: 0x0302, random: [.. new byte[24], .. "DOWNGRD\0"u8], extensions: []), TlsErrorReason.DowngradeDetected),
        ["legacy version 0x0304"] = (Hello(version: 0x0304, extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.SelectedUnofferedVersion),
        ["version TLS 1.2 in the extension"] = (Hello(extensions: [0, 43, 0, 2, 3, 3, .. Psk, .. P256Share]), TlsErrorReason.SelectedUnofferedVersion),
        ["supported_versions of three bytes"] = (Hello(extensions: [0, 43, 0, 3, 3, 4, 0]), TlsErrorReason.MalformedSupportedVersions),
        ["other session id"] = (Hello(sessionId: [9], extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.BadSessionIdEcho),
        ["session id of 33 bytes"] = (Hello(sessionId: new byte[33], extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.MalformedServerHello),
        ["unoffered suite"] = (Hello(suite: 0x1305, extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.SelectedUnofferedCipherSuite),
        ["suite of another hash"] = (Hello(suite: 0x1302, extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.SelectedPskOfOtherHash),
        ["compression"] = (Hello(compression: 1, extensions: [.. Versions, .. Psk, .. P256Share]), TlsErrorReason.BadCompressionMethods),
        ["no PSK"] = (Hello(extensions: [.. Versions, .. P256Share]), TlsErrorReason.ServerIgnoredPsk),
        ["PSK out of range"] = (Hello(extensions: [.. Versions, 0, 41, 0, 2, 0, 1, .. P256Share]), TlsErrorReason.SelectedUnofferedPsk),
        ["PSK of one byte"] = (Hello(extensions: [.. Versions, 0, 41, 0, 1, 0, .. P256Share]), TlsErrorReason.MalformedPreSharedKey),
        ["psk_ke, not offered"] = (Hello(extensions: [.. Versions, .. Psk]), TlsErrorReason.SelectedUnofferedKeyExchangeMode),
        ["share of a group without share"] = (Hello(extensions: [.. Versions, .. Psk, 0, 51, 0, 36, 0, 0x1d, 0, 32, .. new byte[32]]), TlsErrorReason.SelectedUnofferedGroup),
        ["share off the curve"] = (Hello(extensions: [.. Versions, .. Psk, 0, 51, 0, 69, 0, 0x17, 0, 65, 4, .. new byte[64]]), TlsErrorReason.InvalidKeyShare),
        ["truncated share"] = (Hello(extensions: [.. Versions, .. Psk, 0, 51, 0, 3, 0, 0x17, 0]), TlsErrorReason.MalformedKeyShare),
        ["extension twice"] = (Hello(extensions: [.. Versions, .. Versions]), TlsErrorReason.DuplicateExtension),
        ["truncated extension"] = (Hello(extensions: [0, 43, 0, 9]), TlsErrorReason.MalformedExtensions),
        ["known extension that belongs elsewhere"] = (Hello(extensions: [.. Versions, .. Psk, .. P256Share, 0, 16, 0, 0]), TlsErrorReason.MisplacedExtension),
        ["unknown extension"] = (Hello(extensions: [.. Versions, .. Psk, .. P256Share, 0xaa, 0xaa, 0, 0]), TlsErrorReason.UnsolicitedExtension),
        ["too short"] = ([2, 0, 0, 3, 3, 3, 0], TlsErrorReason.MalformedServerHello),
        ["trailing byte"] = (Hello(extensions: [.. Versions, .. Psk, .. P256Share], trailer: 1), TlsErrorReason.MalformedServerHello),
        ["retry without change"] = (Retry([]), TlsErrorReason.RetryWithoutChange),
        ["retry for a share that was sent"] = (Retry([0, 51, 0, 2, 0, 0x17]), TlsErrorReason.RetryWithoutChange),
        ["retry for an unoffered group"] = (Retry([0, 51, 0, 2, 0, 0x18]), TlsErrorReason.SelectedUnofferedGroup),
        ["retry with a whole share"] = (Retry([0, 51, 0, 6, 0, 0x1d, 0, 2, 1, 1]), TlsErrorReason.MalformedKeyShare),
        ["retry with an empty cookie"] = (Retry([0, 44, 0, 2, 0, 0]), TlsErrorReason.MalformedCookie),
        ["retry of a hash without PSK"] = (Retry([0, 44, 0, 3, 0, 1, 7], suite: 0x1302), TlsErrorReason.ServerIgnoredPsk),
        ["retry with pre_shared_key"] = (Retry([.. Psk]), TlsErrorReason.MisplacedExtension),
        ["EncryptedExtensions first"] = ([8, 0, 0, 2, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["Certificate"] = ([11, 0, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["HelloRequest"] = ([0, 0, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["huge"] = ([2, 1, 0, 0], TlsErrorReason.HandshakeMessageTooLarge),
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void A_bad_answer_ends_the_connection(string what)
    {
        (byte[] message, TlsErrorReason reason) = BadAnswers[what];
        using PskTlsClient client = Client();
        MustFail(client, [TestRecord.Plain(22, message)], reason);
    }

    [Fact]
    public void Nothing_may_follow_a_ServerHello_in_its_record()
    {
        using PskTlsClient client = Client();
        byte[] messages = [.. Hello(extensions: [.. Versions, .. Psk, .. P256Share]), 8, 0, 0, 2, 0, 0];
        MustFail(client, [TestRecord.Plain(22, messages)], TlsErrorReason.ExcessHandshakeData);
    }

    [Fact]
    public void A_second_retry_is_refused()
    {
        using PskTlsClient client = Client();
        byte[] retry = TestRecord.Plain(22, Retry([0, 44, 0, 3, 0, 1, 7]));
        MustFail(client, [retry, retry], TlsErrorReason.SecondRetryRequest);
    }

    [Fact]
    public void A_cookie_comes_back()
    {
        using PskTlsClient client = Client();
        var end = new Wire(client);
        end.Deliver([]);
        byte[] second = end.Deliver(TestRecord.Plain(22, Retry([0, 44, 0, 5, 0, 3, 7, 8, 9])));
        byte[] cookie = [0, 44, 0, 5, 0, 3, 7, 8, 9];
        Assert.True(second.AsSpan().IndexOf(cookie) > 0);
        Assert.Null(client.Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_retry_with_a_cookie_leads_to_a_connection(bool otherShare)
    {
        byte[] cookie = [0, 44, 0, 5, 0, 3, 7, 8, 9];
        using var peer = new ScriptedServer(new PskTlsClientOptions { Credentials = [Link.Credential()], KeyShareGroups = otherShare ? [] : null });
        byte[] random = peer.Hello.Slice(6, 32).ToArray();
        peer.SendRetry(otherShare ? [.. cookie, 0, 51, 0, 2, 0, 0x17] : cookie);
        Assert.True(peer.Hello.IndexOf(cookie) > 0);
        Assert.Equal(random, peer.Hello.Slice(6, 32).ToArray());
        peer.SendServerHello();
        peer.Finish([]);
        peer.SendProtected(23, [1, 2, 3]);
        Assert.Null(peer.Client.Error);
        Assert.Equal([1, 2, 3], peer.Received);
        Assert.True(peer.Client.Session!.HelloRetried);
    }

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [InlineData(0x1303, 0x1d)]
    [InlineData(0x1301, 0x17)]
    public void What_a_retry_selected_must_stay(ushort suite, byte group)
    {
        using PskTlsClient client = Client();
        byte[] share = group == 0x17 ? P256Share : [0, 51, 0, 36, 0, 0x1d, 0, 32, 9, .. new byte[31]];
        byte[] hello = Hello(suite: suite, extensions: [.. Versions, .. Psk, .. share]);
        MustFail(client, [TestRecord.Plain(22, Retry([0, 51, 0, 2, 0, 0x1d])), TestRecord.Plain(22, hello)], TlsErrorReason.SelectionChangedAfterRetry);
    }

    public static TheoryData<string> Flights => [.. BadFlights.Keys];

    internal static Dictionary<string, (byte[] Messages, TlsErrorReason Reason)> BadFlights => new()
    {
        ["extensions that do not parse"] = ([8, 0, 0, 2, 0, 9], TlsErrorReason.MalformedEncryptedExtensions),
        ["unknown extension"] = (Encrypted([0xaa, 0xaa, 0, 0]), TlsErrorReason.UnsolicitedExtension),
        ["key_share"] = (Encrypted([0, 51, 0, 0]), TlsErrorReason.MisplacedExtension),
        ["early_data"] = (Encrypted([0, 42, 0, 0]), TlsErrorReason.UnsolicitedExtension),
        ["protocol that was not asked for"] = (Encrypted([0, 16, 0, 4, 0, 2, 1, 65]), TlsErrorReason.UnsolicitedExtension),
        ["record_size_limit 63"] = (Encrypted([0, 28, 0, 2, 0, 63]), TlsErrorReason.RecordSizeLimitTooSmall),
        ["record_size_limit over the protocol"] = (Encrypted([0, 28, 0, 2, 0x40, 2]), TlsErrorReason.RecordSizeLimitTooLarge),
        ["CertificateRequest"] = ([.. Encrypted([]), 13, 0, 0, 3, 0, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["Finished too short"] = ([.. Encrypted([]), 20, 0, 0, 31, .. new byte[31]], TlsErrorReason.MalformedFinished),
        ["wrong Finished"] = ([.. Encrypted([]), 20, 0, 0, 32, .. new byte[32]], TlsErrorReason.FinishedMismatch),
        ["bytes after Finished"] = ([.. Encrypted([]), 20, 0, 0, 32, .. new byte[32], 4], TlsErrorReason.ExcessHandshakeData),
        ["Finished without EncryptedExtensions"] = ([20, 0, 0, 32, .. new byte[32]], TlsErrorReason.UnexpectedHandshakeMessage),
    };

    [Theory]
    [MemberData(nameof(Flights))]
    public void A_bad_protected_flight_ends_the_connection(string what)
    {
        (byte[] messages, TlsErrorReason reason) = BadFlights[what];
        using var peer = new ScriptedServer(Link.ClientOptions());
        peer.SendServerHello();
        peer.SendProtected(22, messages);
        Assert.Equal(reason, peer.Client.Error?.Reason);
        Assert.Null(peer.Client.Session);
        Assert.Equal(TlsErrorMap.Alert(reason), peer.LastAlert());
    }

    [Fact]
    public void A_protocol_that_was_not_offered_is_refused()
    {
        using var peer = new ScriptedServer(new PskTlsClientOptions { Credentials = [Link.Credential()], ApplicationProtocols = ["mqtt"u8.ToArray()] });
        peer.SendServerHello();
        peer.SendProtected(22, Encrypted([0, 16, 0, 4, 0, 2, 1, 65]));
        Assert.Equal(TlsErrorReason.SelectedUnofferedApplicationProtocol, peer.Client.Error?.Reason);
    }

    [Fact]
    public void An_answer_to_server_name_is_empty()
    {
        foreach (bool empty in (bool[])[true, false])
        {
            using var peer = new ScriptedServer(new PskTlsClientOptions { Credentials = [Link.Credential()], ServerName = "gw" });
            peer.SendServerHello();
            peer.SendProtected(22, Encrypted(empty ? [0, 0, 0, 0] : [0, 0, 0, 1, 0]));
            Assert.Equal(empty ? null : TlsErrorReason.MalformedServerName, peer.Client.Error?.Reason);
        }
    }

    [Fact]
    public void Data_before_Finished_is_refused()
    {
        using var peer = new ScriptedServer(Link.ClientOptions());
        peer.SendServerHello();
        peer.SendProtected(23, [1, 2, 3]);
        Assert.Equal(TlsErrorReason.UnexpectedRecordType, peer.Client.Error?.Reason);
    }

    [Fact]
    public void A_server_that_does_not_know_the_key_is_not_believed()
    {
        byte[] wrong = [.. Link.Key];
        wrong[0] ^= 1;
        using var peer = new ScriptedServer(Link.ClientOptions(), wrong);
        peer.SendServerHello();
        peer.SendProtected(22, Encrypted([]));
        Assert.Equal(TlsErrorReason.BadRecordMac, peer.Client.Error?.Reason);
    }

    internal static byte[] Hello(ushort version = 0x0303, byte[]? random = null, byte[]? sessionId = null, ushort suite = 0x1301, byte compression = 0, byte[]? extensions = null, params byte[] trailer)
    {
        byte[] buffer = new byte[1000];
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ServerHello);
        writer.WriteUInt16(version);
        writer.WriteBytes(random ?? new byte[32]);
        writer.WriteVector8(sessionId ?? []);
        writer.WriteUInt16(suite);
        writer.WriteByte(compression);
        writer.WriteVector16(extensions ?? []);
        writer.WriteBytes(trailer);
        writer.EndVector(message);
        return writer.Written.ToArray();
    }

    internal static byte[] Encrypted(byte[] extensions) => [8, 0, 0, (byte)(2 + extensions.Length), 0, (byte)extensions.Length, .. extensions];

    private static byte[] Retry(byte[] extensions, ushort suite = 0x1301) =>
        Hello(random: ServerHello.RetryRandom.ToArray(), suite: suite, extensions: [.. Versions, .. extensions]);

    private static PskTlsClient Client() => new(new PskTlsClientOptions { Credentials = [Link.Credential()], MiddleboxCompatibility = false });

    private static void MustFail(PskTlsClient client, byte[][] records, TlsErrorReason reason)
    {
        var end = new Wire(client);
        end.Deliver([]);
        byte[] output = [];
        foreach (byte[] record in records)
        {
            Assert.Null(client.Error);
            output = end.Deliver(record);
        }

        Assert.Equal(reason, client.Error?.Reason);
        Assert.Null(client.Session);
        Assert.Equal([21, 3, 3, 0, 2, 2, (byte)TlsErrorMap.Alert(reason)!.Value], output[^7..]);
    }

    private static byte[] Point()
    {
        using Tls.Crypto.KeyAgreement key = Tls.Crypto.CryptoProvider.Default.CreateKeyAgreement(NamedGroup.Secp256r1);
        byte[] point = new byte[65];
        key.WritePublicKey(point);
        return point;
    }
}
