using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

/// <summary>The record layer before and during the handshake.</summary>
public class RecordTests
{
    public static TheoryData<string> FirstRecords => [.. BadFirstRecords.Keys];

    internal static Dictionary<string, (byte[] Bytes, TlsErrorReason Reason)> BadFirstRecords => new()
    {
        ["HTTP"] = ("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), TlsErrorReason.UnexpectedRecordType),
        ["SSH"] = ("SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray(), TlsErrorReason.UnexpectedRecordType),
        ["plain MQTT CONNECT"] = ([0x10, 16, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 4, 1, 1, 1, 1], TlsErrorReason.UnexpectedRecordType),
        ["SSL 2.0 hello"] = ([0x80, 0x2e, 1, 0, 2, 0, 0], TlsErrorReason.UnexpectedRecordType),
        ["zeros"] = (new byte[100], TlsErrorReason.UnexpectedRecordType),
        ["type 24"] = (TestRecord.Plain(24, 1), TlsErrorReason.UnexpectedRecordType),
        ["version 2.0"] = ([22, 2, 0, 0, 1, 1], TlsErrorReason.BadRecordVersion),
        ["application data"] = (TestRecord.Plain(23, 1), TlsErrorReason.UnexpectedRecordType),
        ["change_cipher_spec"] = (TestRecord.Plain(20, 1), TlsErrorReason.MisplacedChangeCipherSpec),
        ["empty handshake"] = (TestRecord.Plain(22), TlsErrorReason.EmptyRecord),
        ["empty alert"] = (TestRecord.Plain(21), TlsErrorReason.EmptyRecord),
        ["half an alert"] = (TestRecord.Plain(21, 2), TlsErrorReason.MalformedAlert),
        ["two alerts"] = (TestRecord.Plain(21, 1, 90, 1, 0), TlsErrorReason.MalformedAlert),
        ["header of 16385 bytes"] = ([22, 3, 3, 0x40, 1], TlsErrorReason.RecordTooLarge),
        ["ServerHello"] = (TestRecord.Plain(22, 2, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["one byte of a Finished"] = (TestRecord.Plain(22, 20), TlsErrorReason.UnexpectedHandshakeMessage),
        ["hello of 16 MB"] = (TestRecord.Plain(22, 1, 255, 255, 255), TlsErrorReason.HandshakeMessageTooLarge),
        ["hello of 16385 bytes"] = (TestRecord.Plain(22, 1, 0, 0x40, 1), TlsErrorReason.HandshakeMessageTooLarge),
        ["empty hello"] = (TestRecord.Plain(22, 1, 0, 0, 0), TlsErrorReason.MalformedClientHello),
        ["bytes after the hello"] = (TestRecord.Plain(22, [.. TestHello.Good().Message(), 1]), TlsErrorReason.ExcessHandshakeData),
        ["two hellos in a record"] = (TestRecord.Plain(22, [.. TestHello.Good().Message(), .. TestHello.Good().Message()]), TlsErrorReason.ExcessHandshakeData),
        ["user_canceled inside a hello"] = ([.. TestRecord.Plain(22, 1, 0, 1), .. TestRecord.Plain(21, 1, 90)], TlsErrorReason.InterleavedHandshake),
        ["another record inside a hello"] = ([.. TestRecord.Plain(22, 1, 0, 1), .. TestRecord.Plain(23, 1)], TlsErrorReason.UnexpectedRecordType),
    };

    [Theory]
    [MemberData(nameof(FirstRecords))]
    public void A_bad_first_record_is_answered_by_its_alert(string what)
    {
        (byte[] bytes, TlsErrorReason reason) = BadFirstRecords[what];
        using var server = new TestServer();
        server.MustFail(bytes, reason);
        Assert.False(server.WasAsked);
    }

    [Fact]
    public void A_hello_of_the_longest_size_is_taken_from_small_records()
    {
        TestHello hello = TestHello.Good();
        hello.Set((ExtensionType)0xfe00, new byte[16384 + 4 - hello.Message().Length - 4]);
        byte[] message = hello.Message();
        Assert.Equal(16384 + 4, message.Length);
        using var server = new TestServer();
        server.Deliver(TestRecord.Fragmented(22, message, 200));
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
    }

    [Fact]
    public void A_hello_of_thousands_of_extensions_is_no_burden()
    {
        TestHello hello = TestHello.Good();
        for (int i = 0; i < 3900; i++)
            hello.Set((ExtensionType)(0x4000 + i));
        using var server = new TestServer();
        server.Deliver(TestRecord.Fragmented(22, hello.Message(), 16384));
        Assert.Null(server.Server.Error);
    }

    [Theory]
    [InlineData(AlertDescription.HandshakeFailure)]
    [InlineData(AlertDescription.UnknownPskIdentity)]
    [InlineData((AlertDescription)200)]
    public void An_alert_before_the_hello_ends_the_connection_without_answer(AlertDescription alert)
    {
        using var server = new TestServer();
        Assert.Empty(server.Deliver(TestRecord.Plain(21, 2, (byte)alert)));
        Assert.Equal(TlsErrorReason.PeerAlert, server.Server.Error!.Reason);
        Assert.Equal(alert, server.Server.Error.Alert);
        Assert.True(server.Server.Error.SentByPeer);
        Assert.Equal(PskTlsStatus.Closed, server.End.Status);
    }

    [Fact]
    public void A_close_notify_during_the_handshake_ends_it()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        Assert.Empty(server.Deliver(TestRecord.Plain(21, 1, 0)));
        Assert.Equal(TlsErrorReason.ClosedDuringHandshake, server.Server.Error!.Reason);
    }

    [Fact]
    public void Warnings_are_borne_only_for_a_while()
    {
        using var server = new TestServer();
        byte[] warning = TestRecord.Plain(21, 1, 90);
        for (int i = 0; i < 4; i++)
            Assert.Empty(server.Deliver(warning));
        server.MustFail(warning, TlsErrorReason.TooManyWarnings);
    }

    [Fact]
    public void After_the_servers_flight_only_protected_records_and_a_first_plain_alert_are_taken()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        server.Deliver(TestRecord.Plain(22, 20, 0, 0, 32));
        Assert.Equal(TlsErrorReason.UnexpectedRecordType, server.Server.Error!.Reason);

        // A client that did not understand the ServerHello has no keys for its alert.
        using var other = new TestServer();
        other.Deliver(TestHello.Good().Record());
        Assert.Empty(other.Deliver(TestRecord.Plain(21, 2, 47)));
        Assert.Equal(AlertDescription.IllegalParameter, other.Server.Error!.Alert);
        Assert.True(other.Server.Error.SentByPeer);
    }

    [Fact]
    public void Change_cipher_spec_is_dropped_during_the_handshake_but_not_without_end()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        byte[] ccs = TestRecord.Plain(20, 1);
        for (int i = 0; i < 32; i++)
            Assert.Empty(server.Deliver(ccs));
        Assert.Null(server.Server.Error);
        server.Deliver(ccs);
        Assert.Equal(TlsErrorReason.TooManyChangeCipherSpecs, server.Server.Error!.Reason);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public void Another_change_cipher_spec_than_one_is_refused(byte value)
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        server.Deliver(TestRecord.Plain(20, value));
        Assert.Equal(TlsErrorReason.BadChangeCipherSpec, server.Server.Error!.Reason);
    }

    [Fact]
    public void A_record_under_no_key_is_a_bad_record_mac()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        server.Deliver(TestRecord.Plain(23, new byte[60]));
        Assert.Equal(TlsErrorReason.BadRecordMac, server.Server.Error!.Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void A_protected_record_too_short_for_content_is_a_bad_record_mac(int length)
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        server.Deliver(TestRecord.Plain(23, new byte[length]));
        Assert.Equal(TlsErrorReason.BadRecordMac, server.Server.Error!.Reason);
    }

    [Fact]
    public void Refused_early_data_is_skipped_and_the_handshake_goes_on()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Set(ExtensionType.EarlyData).Record());
        Assert.Empty(server.Deliver([.. TestRecord.Plain(20, 1), .. TestRecord.Plain(23, new byte[1000]), .. TestRecord.Plain(23, new byte[15]), .. TestRecord.Plain(23, new byte[8000])]));
        Assert.Null(server.Server.Error);
        server.Deliver(TestRecord.Plain(23, new byte[9000]));
        Assert.Equal(TlsErrorReason.TooMuchEarlyData, server.Server.Error!.Reason);
    }

    [Fact]
    public void An_api_call_in_the_wrong_state_throws_and_changes_nothing()
    {
        using var server = new PskTlsServer(new PskTlsServerOptions());
        byte[] room = new byte[1000];
        Assert.Throws<InvalidOperationException>(() => server.Read([], room, out _, out _));
        Assert.Throws<InvalidOperationException>(() => server.Write([1], room, out _, out _));
        Assert.Throws<InvalidOperationException>(() => server.ProvidePsk(0, [1], PskBinder.External, TlsHash.Sha256));
        Assert.Throws<InvalidOperationException>(server.RejectPsk);
        Assert.Throws<InvalidOperationException>(server.FailPsk);
        Assert.Throws<InvalidOperationException>(() => server.GetPendingIdentity(0).Length);
        Assert.Equal(0, server.PendingIdentityCount);
        Assert.Equal(PskTlsStatus.NeedsPsk, server.Handshake(TestHello.Good().Record(), room, out _, out _));
        Assert.Throws<ArgumentException>(() => server.ProvidePsk(0, [], PskBinder.External, TlsHash.Sha256));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.ProvidePsk(0, [1], (PskBinder)9, TlsHash.Sha256));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.ProvidePsk(0, [1], PskBinder.External, (TlsHash)9));
        Assert.Equal(PskTlsStatus.NeedsPsk, server.Handshake([], room, out _, out _));
        server.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha256);
        Assert.Throws<InvalidOperationException>(server.RejectPsk);
        Assert.Equal(PskTlsStatus.NeedMoreData, server.Handshake([], room, out _, out _));
        server.Dispose();
        Assert.Throws<ObjectDisposedException>(() => server.Handshake([], room, out _, out _));
    }
}
