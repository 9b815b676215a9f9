using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

/// <summary>What a server of TLS 1.2 refuses, and why.</summary>
public class HostileTls12ClientTests
{
    public static TheoryData<string> Hellos => [.. BadHellos.Keys];

    public static TheoryData<string> Flights => [.. BadFlights.Keys];

    public static TheoryData<string> Datas => [.. BadData.Keys];

    internal static Dictionary<string, (Func<TestHello, TestHello> Change, TlsErrorReason Reason)> BadHellos => new()
    {
        ["no extended_master_secret"] = (h => h.Remove(ExtensionType.ExtendedMasterSecret), TlsErrorReason.ExtendedMasterSecretMissing),
        ["extended_master_secret with contents"] = (h => h.Set(ExtensionType.ExtendedMasterSecret, 1), TlsErrorReason.MalformedExtendedMasterSecret),
        ["renegotiation_info of an earlier handshake"] = (h => h.Set(ExtensionType.RenegotiationInfo, [12, .. new byte[12]]), TlsErrorReason.BadRenegotiationInfo),
        ["empty renegotiation_info"] = (h => h.Set(ExtensionType.RenegotiationInfo), TlsErrorReason.MalformedRenegotiationInfo),
        ["renegotiation_info of a wrong length"] = (h => h.Set(ExtensionType.RenegotiationInfo, 2, 1), TlsErrorReason.MalformedRenegotiationInfo),
        ["fragment length 0"] = (h => h.Set(ExtensionType.MaxFragmentLength, 0), TlsErrorReason.BadMaxFragmentLength),
        ["fragment length 5"] = (h => h.Set(ExtensionType.MaxFragmentLength, 5), TlsErrorReason.BadMaxFragmentLength),
        ["fragment length of two bytes"] = (h => h.Set(ExtensionType.MaxFragmentLength, 1, 1), TlsErrorReason.MalformedMaxFragmentLength),
        ["compressed points alone"] = (h => h.Set(ExtensionType.EcPointFormats, 1, 1), TlsErrorReason.UncompressedPointsMissing),
        ["no point formats in the list"] = (h => h.Set(ExtensionType.EcPointFormats, 0), TlsErrorReason.MalformedPointFormats),
        ["point formats of a wrong length"] = (h => h.Set(ExtensionType.EcPointFormats, 2, 0), TlsErrorReason.MalformedPointFormats),
        ["fallback"] = (h => With(h, suites: [0xd0, 0x01, 0x56, 0x00]), TlsErrorReason.InappropriateFallback),
        ["no null compression"] = (h => With(h, compression: [1]), TlsErrorReason.BadCompressionMethods),
        ["no common suite"] = (h => With(h, suites: [0x00, 0xae, 0xc0, 0x37, 0x13, 0x01]), TlsErrorReason.NoCommonCipherSuite),
        ["no common group"] = (h => h.Set(ExtensionType.SupportedGroups, 0, 2, 0, 0x18), TlsErrorReason.NoCommonGroup),
        ["record_size_limit of 63"] = (h => h.Set(ExtensionType.RecordSizeLimit, 0, 63), TlsErrorReason.RecordSizeLimitTooSmall),
        ["an extension twice"] = (h => Twice(h, ExtensionType.ExtendedMasterSecret), TlsErrorReason.DuplicateExtension),
        ["trailing byte"] = (h => With(h, trailer: [0]), TlsErrorReason.MalformedClientHello),
        ["TLS 1.1"] = (h => With(h, version: 0x0302), TlsErrorReason.NoCommonVersion),
    };

    internal static Dictionary<string, (Func<ScriptedTls12Client, byte[]> Records, TlsErrorReason Reason)> BadFlights => new()
    {
        ["change_cipher_spec before ClientKeyExchange"] = (_ => TestRecord.Plain(20, 1), TlsErrorReason.MisplacedChangeCipherSpec),
        ["Finished before ClientKeyExchange"] = (_ => TestRecord.Plain(22, 20, 0, 0, 12), TlsErrorReason.UnexpectedHandshakeMessage),
        ["a second ClientHello"] = (_ => ScriptedTls12Client.Hello().Record(), TlsErrorReason.UnexpectedHandshakeMessage),
        ["Certificate"] = (_ => TestRecord.Plain(22, 11, 0, 0, 3, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["data before the keys"] = (_ => TestRecord.Plain(23, 1, 2, 3), TlsErrorReason.UnexpectedRecordType),
        ["empty handshake record"] = (_ => TestRecord.Plain(22), TlsErrorReason.EmptyRecord),
        ["record of another version"] = (c => Version(TestRecord.Plain(22, c.KeyExchange()), 1), TlsErrorReason.BadRecordVersion),
        ["ClientKeyExchange cut short"] = (_ => TestRecord.Plain(22, 16, 0, 0, 1, 0), TlsErrorReason.MalformedClientKeyExchange),
        ["ClientKeyExchange without point"] = (_ => TestRecord.Plain(22, 16, 0, 0, 3, 0, 1, 65), TlsErrorReason.MalformedClientKeyExchange),
        ["ClientKeyExchange with an empty point"] = (_ => TestRecord.Plain(22, 16, 0, 0, 4, 0, 1, 65, 0), TlsErrorReason.MalformedClientKeyExchange),
        ["ClientKeyExchange with a trailing byte"] = (c => TestRecord.Plain(22, Longer(c.KeyExchange())), TlsErrorReason.MalformedClientKeyExchange),
        ["point off the curve"] = (_ => TestRecord.Plain(22, [16, 0, 0, 69, 0, 1, 65, 65, 4, .. new byte[64]]), TlsErrorReason.InvalidKeyShare),
        ["point of another form"] = (_ => TestRecord.Plain(22, [16, 0, 0, 37, 0, 1, 65, 33, 2, .. new byte[32]]), TlsErrorReason.InvalidKeyShare),
        ["huge ClientKeyExchange"] = (_ => TestRecord.Plain(22, 16, 0, 0x20, 0), TlsErrorReason.HandshakeMessageTooLarge),
        ["something after ClientKeyExchange in its record"] = (c => TestRecord.Plain(22, [.. c.KeyExchange(), 20]), TlsErrorReason.ExcessHandshakeData),
        ["change_cipher_spec inside ClientKeyExchange"] = (c => [.. TestRecord.Plain(22, c.KeyExchange()[..20]), .. TestRecord.Plain(20, 1)], TlsErrorReason.InterleavedHandshake),
        ["fatal alert"] = (_ => TestRecord.Plain(21, 2, 40), TlsErrorReason.PeerAlert),
        ["user_canceled as a fatal alert"] = (_ => TestRecord.Plain(21, 2, 90), TlsErrorReason.PeerAlert),
        ["alert of level 3"] = (_ => TestRecord.Plain(21, 3, 40), TlsErrorReason.BadAlertLevel),
        ["five warnings"] = (_ => [.. Enumerable.Repeat(TestRecord.Plain(21, 1, 41), 5).SelectMany(record => record)], TlsErrorReason.TooManyWarnings),
        ["close_notify"] = (_ => TestRecord.Plain(21, 1, 0), TlsErrorReason.ClosedDuringHandshake),
        ["half an alert"] = (_ => TestRecord.Plain(21, 2), TlsErrorReason.MalformedAlert),
    };

    /// <summary>After ClientKeyExchange.</summary>
    internal static Dictionary<string, (Func<ScriptedTls12Client, byte[]> Records, TlsErrorReason Reason)> BadEnds => new()
    {
        ["Finished in clear"] = (c => TestRecord.Plain(22, c.Finished()), TlsErrorReason.UnexpectedHandshakeMessage),
        ["change_cipher_spec of value 2"] = (_ => TestRecord.Plain(20, 2), TlsErrorReason.BadChangeCipherSpec),
        ["change_cipher_spec of two bytes"] = (_ => TestRecord.Plain(20, 1, 1), TlsErrorReason.BadChangeCipherSpec),
        ["empty change_cipher_spec"] = (_ => TestRecord.Plain(20), TlsErrorReason.BadChangeCipherSpec),
        ["two change_cipher_specs"] = (_ => [.. TestRecord.Plain(20, 1), .. TestRecord.Plain(20, 1)], TlsErrorReason.BadRecordMac),
        ["a second, protected change_cipher_spec"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(20, 1)], TlsErrorReason.MisplacedChangeCipherSpec),
        ["Finished in clear after change_cipher_spec"] = (c => [.. TestRecord.Plain(20, 1), .. TestRecord.Plain(22, c.Finished())], TlsErrorReason.BadRecordMac),
        ["record shorter than a tag"] = (_ => [.. TestRecord.Plain(20, 1), .. TestRecord.Plain(22, new byte[23])], TlsErrorReason.BadRecordMac),
        ["data before Finished"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(23, 1)], TlsErrorReason.UnexpectedRecordType),
        ["wrong Finished"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22, Flip(c.Finished()))], TlsErrorReason.FinishedMismatch),
        ["short Finished"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22, [20, 0, 0, 11, .. new byte[11]])], TlsErrorReason.MalformedFinished),
        ["long Finished"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22, [20, 0, 0, 13, .. new byte[13]])], TlsErrorReason.HandshakeMessageTooLarge),
        ["ClientKeyExchange again"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22, c.KeyExchange())], TlsErrorReason.UnexpectedHandshakeMessage),
        ["empty protected handshake record"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22)], TlsErrorReason.EmptyRecord),
        ["changed tag"] = (c => [.. TestRecord.Plain(20, 1), .. Flip(c.Protect(22, c.Finished()))], TlsErrorReason.BadRecordMac),
        ["changed explicit nonce"] = (c => [.. TestRecord.Plain(20, 1), .. Flip(c.Protect(22, c.Finished()), 6)], TlsErrorReason.BadRecordMac),
        ["too long a record"] = (c => [.. TestRecord.Plain(20, 1), .. c.Protect(22, new byte[16385])], TlsErrorReason.RecordTooLarge),
    };

    /// <summary>After Finished.</summary>
    internal static Dictionary<string, (Func<ScriptedTls12Client, byte[]> Records, TlsErrorReason Reason)> BadData => new()
    {
        ["33 requests for a renegotiation"] = (c => Repeat(33, () => c.Protect(22, [.. ScriptedTls12Client.Hello().Message()])), TlsErrorReason.TooManyRenegotiations),
        ["33 empty records"] = (c => Repeat(33, () => c.Protect(23)), TlsErrorReason.TooManyEmptyRecords),
        ["data inside a handshake message"] = (c => [.. c.Protect(22, 1, 0, 0, 9), .. c.Protect(23, 1)], TlsErrorReason.InterleavedHandshake),
        ["KeyUpdate"] = (c => c.Protect(22, 24, 0, 0, 1, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["change_cipher_spec"] = (c => c.Protect(20, 1), TlsErrorReason.MisplacedChangeCipherSpec),
        ["heartbeat"] = (c => c.Protect(24, 1, 0, 0), TlsErrorReason.UnexpectedRecordType),
        ["a record again"] = (c => Repeat(2, c.Protect(23, 1)), TlsErrorReason.BadRecordMac),
        ["alert of level 0"] = (c => c.Protect(21, 0, 100), TlsErrorReason.BadAlertLevel),
        ["five warnings"] = (c => Repeat(5, () => c.Protect(21, 1, 100)), TlsErrorReason.TooManyWarnings),
    };

    public static TheoryData<string> Ends => [.. BadEnds.Keys];

    [Theory]
    [MemberData(nameof(Hellos))]
    public void A_bad_hello_is_refused_before_any_key_is_looked_up(string what)
    {
        (Func<TestHello, TestHello> change, TlsErrorReason reason) = BadHellos[what];
        using var server = new TestServer(answer: Tls12Link.Provide);
        server.MustFail(change(ScriptedTls12Client.Hello()).Record(), reason);
        Assert.False(server.WasAsked);
    }

    [Theory]
    [MemberData(nameof(Flights))]
    public void A_bad_message_before_the_key_ends_the_connection(string what)
    {
        (Func<ScriptedTls12Client, byte[]> records, TlsErrorReason reason) = BadFlights[what];
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server);
        byte[] output = server.Deliver(records(client));
        MustBeOver(server, reason, output);
        Assert.False(server.WasAsked);
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void A_bad_end_of_the_handshake_ends_the_connection(string what)
    {
        (Func<ScriptedTls12Client, byte[]> records, TlsErrorReason reason) = BadEnds[what];
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server);
        client.SendKeyExchange();
        byte[] output = server.Deliver(records(client));

        // The server's own keys are not used before its Finished: the alert is in clear.
        MustBeOver(server, reason, output);
        Assert.True(server.WasAsked);
    }

    [Theory]
    [MemberData(nameof(Datas))]
    public void A_bad_record_after_the_handshake_ends_the_connection(string what)
    {
        (Func<ScriptedTls12Client, byte[]> records, TlsErrorReason reason) = BadData[what];
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server);
        client.SendKeyExchange();
        client.SendFinished();
        Assert.True(server.Server.IsConnected);
        byte[] output = server.Deliver(records(client));
        Assert.Equal(reason, server.Server.Error?.Reason);
        Assert.False(server.Server.IsConnected);
        Assert.Equal((21, 5 + 8 + 2 + 16), (output[^31], 31));
    }

    [Fact]
    public void A_renegotiation_is_declined_and_the_connection_goes_on()
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server);
        client.SendKeyExchange();
        client.SendFinished();
        byte[] alert = server.Deliver(client.Protect(22, ScriptedTls12Client.Hello().Message()));
        Assert.Equal(31, alert.Length);
        Assert.Equal(21, alert[0]);
        server.Deliver(client.Protect(23, 1, 2, 3));
        Assert.Equal([1, 2, 3], server.End.Received);
        Assert.True(server.Server.IsConnected);
    }

    [Fact]
    public void Warnings_are_borne_where_they_may_come()
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server);
        server.Deliver(TestRecord.Plain(21, 1, 41));
        client.SendKeyExchange();
        client.SendFinished();
        server.Deliver([.. client.Protect(21, 1, 100), .. client.Protect(23, 7)]);
        Assert.Equal([7], server.End.Received);
    }

    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8)]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256)]
    public void The_handshake_may_come_in_any_pieces(CipherSuite suite)
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server, suite: suite);
        byte[] exchange = client.KeyExchange();
        foreach (byte part in exchange[..^1])
            server.Deliver(TestRecord.Plain(22, part));
        client.SendKeyExchange();
        Assert.Equal(TlsErrorReason.MalformedClientKeyExchange, Pieces(suite)?.Reason);
    }

    [Fact]
    public void A_client_without_groups_is_taken_to_know_the_common_curve()
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server, h => h.Remove(ExtensionType.SupportedGroups));
        client.SendKeyExchange();
        client.SendFinished();
        Assert.Equal(NamedGroup.Secp256r1, server.Server.Session?.Group);
    }

    [Fact]
    public void The_signalling_suite_stands_for_renegotiation_info_and_nothing_for_nothing()
    {
        foreach (bool signals in (bool[])[true, false])
        {
            using var server = new TestServer(answer: Tls12Link.Provide);
            byte[] flight = server.Deliver(With(ScriptedTls12Client.Hello().Remove(ExtensionType.RenegotiationInfo), suites: signals ? [0, 0xff, 0xd0, 1] : [0xd0, 1]).Record());
            Assert.Equal(signals, flight.AsSpan().IndexOf((byte[])[0xff, 1, 0, 1, 0]) > 0);
            Assert.Null(server.Server.Error);
        }
    }

    [Fact]
    public void A_version_above_TLS_12_without_the_list_is_TLS_12()
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server, h => h.LegacyVersion = 0x0304);
        client.SendKeyExchange();
        client.SendFinished();
        Assert.Equal(TlsProtocol.Tls12, server.Server.Session?.Version);
    }

    internal static byte[] Flip(byte[] bytes, int at = -1)
    {
        bytes[at < 0 ? bytes.Length - 1 : at] ^= 1;
        return bytes;
    }

    private static TlsError? Pieces(CipherSuite suite)
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server, suite: suite);
        foreach (byte part in Longer(client.KeyExchange()))
            server.Deliver(TestRecord.Plain(22, part));
        return server.Server.Error;
    }

    private static void MustBeOver(TestServer server, TlsErrorReason reason, byte[] output)
    {
        Assert.Equal(reason, server.Server.Error?.Reason);
        Assert.Null(server.Server.Session);
        Assert.Equal(PskTlsStatus.Closed, server.End.Status);
        if (TlsErrorMap.Alert(reason) is { } alert)
            Assert.Equal([21, 3, 3, 0, 2, 2, (byte)alert], output[^7..]);
        else
            Assert.Empty(output);
    }

    private static byte[] Repeat(int count, Func<byte[]> record) => [.. Enumerable.Range(0, count).SelectMany(_ => record())];

    private static byte[] Repeat(int count, byte[] record) => Repeat(count, () => record);

    private static byte[] Version(byte[] record, byte minor)
    {
        record[2] = minor;
        return record;
    }

    private static byte[] Longer(byte[] message)
    {
        message[3]++;
        return [.. message, 0];
    }

    private static TestHello Twice(TestHello hello, ExtensionType type)
    {
        hello.Extensions.Add(hello.Extensions.Find(extension => extension.Type == type));
        return hello;
    }

    private static TestHello With(TestHello hello, byte[]? suites = null, byte[]? compression = null, byte[]? trailer = null, ushort? version = null)
    {
        hello.CipherSuites = suites ?? hello.CipherSuites;
        hello.Compression = compression ?? hello.Compression;
        hello.Trailer = trailer ?? hello.Trailer;
        hello.LegacyVersion = version ?? hello.LegacyVersion;
        return hello;
    }
}
