using System.Net;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Wrong clients: each gets its alert or CONNACK, the log names the reason once, and a good device is not disturbed.</summary>
public sealed class BadInputTests(Fleet fleet) : IClassFixture<Fleet>
{
    private const int UnexpectedMessage = 10, RecordOverflow = 22, HandshakeFailure = 40, DecryptError = 51, ProtocolVersion = 70;

    private int Port => fleet.Gateway.Port;

    // One line of the log for one failure, and nobody else suffers.
    private void Told(int mark, params string[] words)
    {
        fleet.Gateway.WaitForLog(mark, words);
        Assert.Single(fleet.Gateway.Process.Lines.Skip(mark), line => line.Contains(" warn: ", StringComparison.Ordinal));
        Assert.True(fleet.Serves("good-1"), "a good device is served");
    }

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
        Told(mark, "Handshake failed", reason);
    }

    [Fact]
    public void A_revoked_device_gets_decrypt_error()
    {
        fleet.Enroll("revoked-1");
        Assert.True(fleet.Serves("revoked-1"));
        fleet.Gateway.Must("device", "revoke", "revoked-1");
        int mark = fleet.Gateway.Mark();
        CommandResult refused = fleet.Core(fleet.BundleFile("revoked-1"), []);
        Assert.Contains("refused", refused.Error, StringComparison.Ordinal);
        Told(mark, "Handshake failed", "RevokedDevice");
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
        Told(mark, "Handshake failed", "PeerClosed");
    }

    [Fact]
    public void An_oversized_record_gets_record_overflow()
    {
        int mark = fleet.Gateway.Mark();
        Assert.Equal(RecordOverflow, RawConnection.AlertFor(Port, [22, 3, 1, 0x40, 0x01, .. new byte[0x4001]]));
        Told(mark, "Handshake failed", "RecordOverflow");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")]
    [InlineData("\u0010\u000c\0\u0004MQTT\u0004\u0002\0<\0\0")]
    public void Another_protocol_is_told_apart_by_its_first_bytes(string text)
    {
        int mark = fleet.Gateway.Mark();
        byte[] answer;
        using (var connection = new RawConnection(Port))
        {
            connection.Send(Encoding.Latin1.GetBytes(text));
            connection.ShutdownSend();
            answer = connection.ReceiveToEnd();
        }
        Assert.Contains(RawConnection.Alert(answer), (int?[])[UnexpectedMessage, RecordOverflow, ProtocolVersion, 50]);
        Told(mark, "Handshake failed");
    }

    [Theory]
    [InlineData(ProtocolVersion, "-tls1_2", "-psk_identity", "good-1~1", "-psk", "00", "-cipher", "PSK-AES128-CBC-SHA")]
    [InlineData(HandshakeFailure, "-tls1_3")]
    public void A_client_that_cannot_or_will_not_use_a_PSK_of_ours_is_told_so(int alert, params string[] arguments)
    {
        int mark = fleet.Gateway.Mark();
        CommandResult result = ChildProcess.Run("openssl", ["s_client", "-connect", fleet.Gateway.Address, .. arguments]);
        Assert.Contains($"SSL alert number {alert}", result.ToString(), StringComparison.Ordinal);
        Told(mark, "Handshake failed");
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
        connect[8] = 5;
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
        Told(mark, "CONNECT refused", reason);
    }
}
