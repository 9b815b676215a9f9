using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>What a client of TLS 1.2 refuses in a server's answer, and why.</summary>
public class HostileTls12ServerTests
{
    private const CipherSuite Ecdhe = CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256;

    private static readonly byte[] Done = [14, 0, 0, 0];

    public static TheoryData<string> Answers => [.. BadAnswers.Keys];

    public static TheoryData<string> Ends => [.. BadEnds.Keys];

    public static TheoryData<string> Datas => [.. BadData.Keys];

    internal static Dictionary<string, (byte[] Messages, TlsErrorReason Reason)> BadAnswers => new()
    {
        ["TLS 1.1"] = (Hello(version: 0x0302), TlsErrorReason.ServerTooOld),
        ["TLS 1.3 in legacy_version"] = (Hello(version: 0x0304), TlsErrorReason.SelectedUnofferedVersion),
        ["supported_versions, not sent"] = (Hello(extensions: [0, 43, 0, 2, 3, 4]), TlsErrorReason.UnsolicitedExtension),
        ["unoffered suite"] = (Hello(suite: (CipherSuite)0x00ae), TlsErrorReason.SelectedUnofferedCipherSuite),
        ["suite of TLS 1.3"] = (Hello(suite: CipherSuite.TLS_AES_128_GCM_SHA256), TlsErrorReason.SelectedUnofferedCipherSuite),
        ["compression"] = (Hello(compression: 1), TlsErrorReason.BadCompressionMethods),
        ["no extended_master_secret"] = (Hello(ems: false), TlsErrorReason.ExtendedMasterSecretMissing),
        ["extended_master_secret with contents"] = (Hello(ems: false, extensions: [0, 23, 0, 1, 0]), TlsErrorReason.MalformedExtendedMasterSecret),
        ["no renegotiation_info"] = (Hello(renegotiation: false), TlsErrorReason.RenegotiationInfoMissing),
        ["renegotiation_info of another handshake"] = (Hello(renegotiation: false, extensions: [0xff, 1, 0, 2, 1, 7]), TlsErrorReason.BadRenegotiationInfo),
        ["malformed renegotiation_info"] = (Hello(renegotiation: false, extensions: [0xff, 1, 0, 0]), TlsErrorReason.MalformedRenegotiationInfo),
        ["extension twice"] = (Hello(extensions: [0, 23, 0, 0]), TlsErrorReason.DuplicateExtension),
        ["unknown extension"] = (Hello(extensions: [0xaa, 0xaa, 0, 0]), TlsErrorReason.UnsolicitedExtension),
        ["extension that was not asked for"] = (Hello(extensions: [0, 16, 0, 4, 0, 2, 1, 65]), TlsErrorReason.UnsolicitedExtension),
        ["fragment length that was not asked for"] = (Hello(extensions: [0, 1, 0, 1, 1]), TlsErrorReason.UnsolicitedExtension),
        ["malformed point formats"] = (Hello(extensions: [0, 11, 0, 1, 0]), TlsErrorReason.MalformedPointFormats),
        ["record_size_limit of 63"] = (Hello(extensions: [0, 28, 0, 2, 0, 63]), TlsErrorReason.RecordSizeLimitTooSmall),
        ["truncated extension"] = (Hello(extensions: [0, 23, 0, 9]), TlsErrorReason.MalformedExtensions),
        ["trailing byte"] = (Hello(trailer: [1]), TlsErrorReason.MalformedServerHello),
        ["session id of 33 bytes"] = (Hello(sessionId: new byte[33]), TlsErrorReason.MalformedServerHello),
        ["too short"] = ([2, 0, 0, 3, 3, 3, 0], TlsErrorReason.MalformedServerHello),
        ["EncryptedExtensions"] = ([8, 0, 0, 2, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["CertificateRequest"] = ([.. Hello(), 13, 0, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["ServerHelloDone with contents"] = ([.. Hello(), 14, 0, 0, 1, 0], TlsErrorReason.MalformedServerHelloDone),
        ["something after ServerHelloDone"] = ([.. Hello(), .. Done, 4], TlsErrorReason.ExcessHandshakeData),
        ["hint cut short"] = ([.. Hello(), 12, 0, 0, 2, 0, 1], TlsErrorReason.MalformedServerKeyExchange),
        ["ServerKeyExchange twice"] = ([.. Hello(), 12, 0, 0, 2, 0, 0, 12, 0, 0, 2, 0, 0], TlsErrorReason.UnexpectedHandshakeMessage),
        ["ECDHE without ServerKeyExchange"] = ([.. Hello(Ecdhe), .. Done], TlsErrorReason.UnexpectedHandshakeMessage),
        ["ECDHE without curve"] = ([.. Hello(Ecdhe), 12, 0, 0, 2, 0, 0], TlsErrorReason.MalformedServerKeyExchange),
        ["ECDHE without point"] = ([.. Hello(Ecdhe), 12, 0, 0, 6, 0, 0, 3, 0, 0x17, 0], TlsErrorReason.MalformedServerKeyExchange),
        ["ECDHE with explicit curve"] = ([.. Hello(Ecdhe), 12, 0, 0, 5, 0, 0, 1, 0, 0x17], TlsErrorReason.SelectedUnofferedGroup),
        ["ECDHE with an unoffered curve"] = ([.. Hello(Ecdhe), 12, 0, 0, 7, 0, 0, 3, 0, 0x18, 1, 4], TlsErrorReason.SelectedUnofferedGroup),
        ["ECDHE with a point off the curve"] = ([.. Hello(Ecdhe), 12, 0, 0, 71, 0, 0, 3, 0, 0x17, 65, 4, .. new byte[64]], TlsErrorReason.InvalidKeyShare),
        ["ECDHE with a trailing byte"] = ([.. Hello(Ecdhe), 12, 0, 0, 8, 0, 0, 3, 0, 0x17, 1, 4, 9], TlsErrorReason.MalformedServerKeyExchange),
    };

    /// <summary>After ServerHelloDone.</summary>
    internal static Dictionary<string, (Func<ScriptedTls12Server, byte[]> Records, TlsErrorReason Reason)> BadEnds => new()
    {
        ["Finished in clear"] = (s => TestRecord.Plain(22, s.Finished()), TlsErrorReason.UnexpectedHandshakeMessage),
        ["Finished under the keys without change_cipher_spec"] = (s => s.Protect(22, s.Finished()), TlsErrorReason.UnexpectedHandshakeMessage),
        ["bad change_cipher_spec"] = (_ => TestRecord.Plain(20, 2), TlsErrorReason.BadChangeCipherSpec),
        ["two change_cipher_specs"] = (_ => [.. TestRecord.Plain(20, 1), .. TestRecord.Plain(20, 1)], TlsErrorReason.BadRecordMac),
        ["wrong Finished"] = (s => [.. TestRecord.Plain(20, 1), .. s.Protect(22, HostileTls12ClientTests.Flip(s.Finished()))], TlsErrorReason.FinishedMismatch),
        ["short Finished"] = (s => [.. TestRecord.Plain(20, 1), .. s.Protect(22, 20, 0, 0, 1, 0)], TlsErrorReason.MalformedFinished),
        ["data before Finished"] = (s => [.. TestRecord.Plain(20, 1), .. s.Protect(23, 1)], TlsErrorReason.UnexpectedRecordType),
        ["data in clear"] = (_ => TestRecord.Plain(23, 1), TlsErrorReason.UnexpectedRecordType),
        ["NewSessionTicket that was not asked for"] = (_ => TestRecord.Plain(22, 4, 0, 0, 6, 0, 0, 0, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["HelloRequest"] = (_ => TestRecord.Plain(22, 0, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["fatal alert"] = (_ => TestRecord.Plain(21, 2, 20), TlsErrorReason.PeerAlert),
    };

    /// <summary>After Finished.</summary>
    internal static Dictionary<string, (Func<ScriptedTls12Server, byte[]> Records, TlsErrorReason Reason)> BadData => new()
    {
        ["33 HelloRequests"] = (s => [.. Enumerable.Range(0, 33).SelectMany(_ => s.Protect(22, 0, 0, 0, 0))], TlsErrorReason.TooManyRenegotiations),
        ["HelloRequest with contents"] = (s => s.Protect(22, 0, 0, 0, 1, 0), TlsErrorReason.HandshakeMessageTooLarge),
        ["ticket of TLS 1.3"] = (s => s.Protect(22, [4, 0, 0, 14, 0, 0, 1, 0, 1, 2, 3, 4, 0, 0, 1, 9, 0, 0]), TlsErrorReason.UnexpectedHandshakeMessage),
        ["change_cipher_spec in clear"] = (_ => TestRecord.Plain(20, 1), TlsErrorReason.BadRecordMac),
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void A_bad_answer_ends_the_connection(string what)
    {
        (byte[] messages, TlsErrorReason reason) = BadAnswers[what];
        using var server = new ScriptedTls12Server();
        byte[] output = server.Send(messages);
        MustBeOver(server, reason, output[^7..]);
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void A_bad_end_of_the_handshake_ends_the_connection(string what)
    {
        (Func<ScriptedTls12Server, byte[]> records, TlsErrorReason reason) = BadEnds[what];
        using var server = new ScriptedTls12Server();
        server.SendHello();
        byte[] output = server.Deliver(records(server));

        // The client's keys are in use: the alert is protected.
        MustBeOver(server, reason, null);
        Assert.Equal(TlsErrorMap.Alert(reason) is null ? 0 : 31, output.Length);
    }

    [Theory]
    [MemberData(nameof(Datas))]
    public void A_bad_record_after_the_handshake_ends_the_connection(string what)
    {
        (Func<ScriptedTls12Server, byte[]> records, TlsErrorReason reason) = BadData[what];
        using var server = new ScriptedTls12Server();
        server.SendHello();
        server.Finish();
        Assert.True(server.Client.IsConnected);
        server.Deliver(records(server));
        Assert.Equal(reason, server.Client.Error?.Reason);
        Assert.False(server.Client.IsConnected);
    }

    [Fact]
    public void A_HelloRequest_is_declined_and_the_connection_goes_on()
    {
        using var server = new ScriptedTls12Server();
        server.SendHello();
        server.Finish();
        byte[] alert = server.Deliver(server.Protect(22, 0, 0, 0, 0));
        Assert.Equal((21, 31), (alert[0], alert.Length));
        server.Deliver(server.Protect(23, 5));
        Assert.Equal([5], server.Received);
    }

    [Fact]
    public void A_warning_about_the_name_does_no_harm_and_a_fatal_one_does()
    {
        using var server = new ScriptedTls12Server();
        server.Deliver(TestRecord.Plain(21, 1, 112));
        server.SendHello();
        server.Finish();
        Assert.True(server.Client.IsConnected);
        using var other = new ScriptedTls12Server(Tls12Link.BothOptions);
        other.Deliver(TestRecord.Plain(21, 1, 112));
        Assert.Null(other.Client.Error);
        other.Deliver(TestRecord.Plain(21, 2, 112));
        Assert.Equal((TlsErrorReason.PeerAlert, AlertDescription.UnrecognizedName), (other.Client.Error!.Reason, other.Client.Error.Alert));
    }

    [Fact]
    public void A_client_of_both_versions_takes_no_mark_of_a_downgrade_and_no_session_it_never_had()
    {
        using var marked = new ScriptedTls12Server(Tls12Link.BothOptions);
        marked.Send(ScriptedTls12Server.Hello(random: [.. new byte[24], .. "DOWNGRD\u0001"u8]));
        Assert.Equal(TlsErrorReason.DowngradeDetected, marked.Client.Error?.Reason);
        using var only = new ScriptedTls12Server();
        only.Send(ScriptedTls12Server.Hello(random: [.. new byte[24], .. "DOWNGRD\u0001"u8]));
        Assert.Null(only.Client.Error);
        using var echo = new ScriptedTls12Server(Tls12Link.BothOptions);
        echo.Send(ScriptedTls12Server.Hello(sessionId: echo.ClientSessionId));
        Assert.Equal(TlsErrorReason.BadSessionIdEcho, echo.Client.Error?.Reason);
        using var dropped = new ScriptedTls12Server(Tls12Link.BothOptions);
        dropped.Deliver(TestRecord.Plain(20, 1));
        dropped.Send(ScriptedTls12Server.Hello());
        Assert.Equal(TlsErrorReason.MisplacedChangeCipherSpec, dropped.Client.Error?.Reason);
        using var early = new ScriptedTls12Server();
        early.Deliver(TestRecord.Plain(20, 1));
        Assert.Equal(TlsErrorReason.MisplacedChangeCipherSpec, early.Client.Error?.Reason);
    }

    [Theory]
    [InlineData(new byte[] { 0, 1, 0, 1, 2 }, TlsErrorReason.BadMaxFragmentLength)]
    [InlineData(new byte[] { 0, 1, 0, 1, 9 }, TlsErrorReason.BadMaxFragmentLength)]
    [InlineData(new byte[] { 0, 1, 0, 0 }, TlsErrorReason.MalformedMaxFragmentLength)]
    [InlineData(new byte[] { 0, 1, 0, 1, 1, 0, 28, 0, 2, 2, 0 }, TlsErrorReason.TwoRecordLimits)]
    public void An_answer_about_lengths_fits_the_question(byte[] extensions, TlsErrorReason reason)
    {
        using var server = new ScriptedTls12Server(new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], MaxFragmentLength = 512 });
        server.Send(ScriptedTls12Server.Hello(extensions: extensions));
        Assert.Equal(reason, server.Client.Error?.Reason);
    }

    [Fact]
    public void An_unoffered_application_protocol_is_refused()
    {
        using var server = new ScriptedTls12Server(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], ApplicationProtocols = ["mqtt"u8.ToArray()], ServerName = "gw",
        });
        server.Send(ScriptedTls12Server.Hello(extensions: [0, 0, 0, 0, 0, 16, 0, 4, 0, 2, 1, 65]));
        Assert.Equal(TlsErrorReason.SelectedUnofferedApplicationProtocol, server.Client.Error?.Reason);
    }

    [Fact]
    public void An_ECDHE_server_made_by_hand_connects_with_a_hint_and_in_many_records()
    {
        using var server = new ScriptedTls12Server(suite: Ecdhe);
        using KeyAgreement key = CryptoProvider.Default.CreateKeyAgreement(NamedGroup.Secp256r1);
        server.Send(ScriptedTls12Server.Hello(Ecdhe));
        server.Send(ScriptedTls12Server.KeyExchange(key, "hint"u8.ToArray()));
        byte[] flight = server.Send(Done);
        byte[] shared = new byte[32];
        Assert.True(key.TryAgree(flight.AsSpan(5 + 4 + 2 + Link.Identity.Length + 1, 65), shared));
        server.Take(flight, shared);
        server.Finish();
        Assert.True(server.Client.IsConnected);
    }

    private static byte[] Hello(
        CipherSuite suite = CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, ushort version = 0x0303, byte[]? sessionId = null, byte compression = 0, byte[]? extensions = null,
        bool ems = true, bool renegotiation = true, byte[]? trailer = null) =>
        ScriptedTls12Server.Hello(suite, version, null, sessionId, compression, extensions, ems, renegotiation, trailer);

    private static void MustBeOver(ScriptedTls12Server server, TlsErrorReason reason, byte[]? alert)
    {
        Assert.Equal(reason, server.Client.Error?.Reason);
        Assert.Null(server.Client.Session);
        Assert.False(server.Client.IsConnected);
        if (alert is not null)
            Assert.Equal([21, 3, 3, 0, 2, 2, (byte)TlsErrorMap.Alert(reason)!.Value], alert);
    }
}
