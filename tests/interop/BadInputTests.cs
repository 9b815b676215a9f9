using System.Net;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Wrong clients: each gets its alert or CONNACK, the log names the reason once, and a good device is not disturbed.</summary>
public sealed class BadInputTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const int UnexpectedMessage = 10, BadRecordMac = 20, RecordOverflow = 22, HandshakeFailure = 40, DecodeError = 50, DecryptError = 51, ProtocolVersion = 70;

    private int Port => fleet.Gateway.Port;

    [Theory]
    [InlineData("nobody~1", "UnknownDevice")]
    [InlineData("good-1~7", "UnknownEpoch")]
    [InlineData("good-1~01", "NotCanonical")]
    [InlineData("good-1~0", "NotCanonical")]
    [InlineData("good-1", "NotAnIdentity")]
    [InlineData("good-1~1", "binder does not verify")]
    public void An_identity_or_key_that_is_wrong_gets_decrypt_error(string identity, string reason)
    {
        int mark = fleet.Gateway.Mark();
        Assert.Equal(DecryptError, RawConnection.AlertFor(Port, ClientHello.WithFalseBinder(identity)));
        fleet.ToldOnce(mark, "Handshake failed", reason);
    }

    // No bundle can say this: it takes a client that was made for it.
    [Theory]
    [InlineData("good-2", Lab.ServerId, 0x0304, 1, "WrongContext")]
    [InlineData("good-1", "other-fleet", 0x0304, 1, "WrongContext")]
    [InlineData("good-1", Lab.ServerId, 0xfefc, 1, "WrongTarget")]
    [InlineData("good-1", Lab.ServerId, 0x0304, 9, "WrongTarget")]
    public void An_imported_identity_that_is_not_the_devices_gets_decrypt_error(string clientId, string serverId, ushort protocol, ushort kdf, string reason)
    {
        int mark = fleet.Gateway.Mark();
        Assert.Equal(DecryptError, RawConnection.AlertFor(Port, ClientHello.WithFalseBinders(ClientHello.ImportedIdentity("good-1~1", clientId, serverId, protocol, kdf))));
        fleet.ToldOnce(mark, "Handshake failed", reason);
    }

    [Fact]
    public void A_revoked_device_gets_decrypt_error()
    {
        fleet.Enroll("revoked-1");
        Assert.True(fleet.Serves("revoked-1"));
        fleet.Gateway.Must("device", "revoke", "revoked-1");
        int mark = fleet.Gateway.Mark();
        CommandResult refused = fleet.Core(fleet.BundleFile("revoked-1"), []);
        Assert.Contains($"[alert {DecryptError}]", refused.Error, StringComparison.Ordinal);
        fleet.ToldOnce(mark, "Handshake failed", "RevokedDevice");
    }

    [Fact]
    public void A_truncated_record_is_a_client_that_went_away()
    {
        int mark = fleet.Gateway.Mark();
        using (var connection = new RawConnection(Port))
        {
            connection.Send(ClientHello.WithFalseBinder("good-1~1")[..40]);
            connection.ShutdownSend();
            connection.ReceiveToEnd();
        }
        fleet.ToldOnce(mark, "Handshake failed", "PeerClosed");
    }

    [Theory]
    [InlineData(0x4001)]            // RFC 8446 s5.1: plaintext
    [InlineData(0x4101)]            // s5.2: protected
    [InlineData(0xffff)]
    public void An_oversized_record_gets_record_overflow(int length)
    {
        int mark = fleet.Gateway.Mark();
        Assert.Equal(RecordOverflow, RawConnection.AlertFor(Port, [22, 3, 1, (byte)(length >> 8), (byte)length, .. new byte[length]]));
        fleet.ToldOnce(mark, "Handshake failed", "over the size limit", "RecordOverflow");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")]
    [InlineData("\u0010\u000c\0\u0004MQTT\u0004\u0002\0<\0\0")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    public void Another_protocol_is_told_apart_by_its_first_bytes(string text)
    {
        int mark = fleet.Gateway.Mark();
        Assert.Equal(UnexpectedMessage, RawConnection.AlertFor(Port, Encoding.Latin1.GetBytes(text)));
        fleet.ToldOnce(mark, "Handshake failed", "is this TLS?");
    }

    [Fact]
    public void A_ClientHello_that_cannot_be_read_gets_decode_error()
    {
        byte[] hello = ClientHello.WithFalseBinder("good-1~1");
        hello[43] = 0xff;           // legacy_session_id, longer than it may be
        int mark = fleet.Gateway.Mark();
        Assert.Equal(DecodeError, RawConnection.AlertFor(Port, hello));
        fleet.ToldOnce(mark, "Handshake failed", "alert DecodeError");
    }

    [Theory]
    [InlineData(HandshakeFailure, "no common cipher suite", "-tls1_2", "-psk_identity", "good-1~1", "-psk", "00", "-cipher", "PSK-AES128-CBC-SHA")]
    [InlineData(HandshakeFailure, "offers no PSK", "-tls1_3")]
    [InlineData(HandshakeFailure, "no common cipher suite", "-tls1_2")]
    [InlineData(ProtocolVersion, "no common protocol version", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")]
    [InlineData(BadRecordMac, "record does not authenticate", "-tls1_2", "-psk_identity", "good-1~1", "-psk", "00")]
    public void A_client_that_cannot_or_will_not_use_a_PSK_of_ours_is_told_so(int alert, string reason, params string[] arguments)
    {
        int mark = fleet.Gateway.Mark();
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-connect", fleet.Gateway.Address, .. arguments]);
        Assert.Contains($"SSL alert number {alert}", result.ToString(), StringComparison.Ordinal);
        fleet.ToldOnce(mark, "Handshake failed", reason);
    }

    [Theory]
    [InlineData("good-2", null, 5, "ForeignClientId")]
    [InlineData("", "good-2", 5, "ForeignUserName")]
    public void A_name_that_is_not_the_devices_is_not_authorized(string clientId, string? userName, byte code, string reason) =>
        Refused(MqttBytes.Connect(clientId, userName), [0x20, 2, 0, code], reason);

    [Fact]
    public void Another_MQTT_level_gets_its_return_code()
    {
        byte[] connect = MqttBytes.Connect();
        connect[8] = 3;
        Refused(connect, [0x20, 2, 0, 1], "UnsupportedLevel");
    }

    [Fact]
    public void A_session_that_does_not_begin_with_CONNECT_is_cut_off() =>
        Refused(MqttBytes.Publish("iotpsk/good-1/telemetry", "early"), [], "NotConnect");

    [Fact]
    public void A_device_cannot_publish_under_another_name()
    {
        using ChildProcess subscriber = fleet.Lab.Broker.Subscribe("iotpsk/#");
        string payload = Fleet.NewPayload();
        fleet.Core(fleet.BundleFile("good-1"), [.. MqttBytes.Connect(), .. MqttBytes.Publish("iotpsk/good-2/telemetry", payload), .. MqttBytes.Disconnect]);
        string own = Fleet.NewPayload();
        fleet.Core(fleet.BundleFile("good-1"), MqttBytes.Visit("good-1", own));
        subscriber.WaitForLine(line => line.EndsWith(own, StringComparison.Ordinal), "the device's own message");
        Assert.DoesNotContain(subscriber.Lines, line => line.EndsWith(payload, StringComparison.Ordinal));
    }

    [Fact]
    public void Health_and_numbers_are_for_everybody_on_the_machine_and_nothing_else_is()
    {
        Assert.Equal(HttpStatusCode.OK, fleet.Gateway.Get("/healthz").Status);
        Assert.Contains("iotpsk_sessions ", fleet.Gateway.Get("/metrics").Body, StringComparison.Ordinal);
        foreach (string path in (string[])["/sessions", "/counters", "/", "/registry/refresh"])
            Assert.Equal(HttpStatusCode.NotFound, fleet.Gateway.Get(path).Status);
    }

    private void Refused(byte[] input, byte[] reply, string reason)
    {
        int mark = fleet.Gateway.Mark();
        CommandResult result = fleet.Core(fleet.BundleFile("good-1"), input);
        Assert.Equal(Encoding.Latin1.GetString(reply), result.Output);
        fleet.ToldOnce(mark, "CONNECT refused", reason);
    }
}
