using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Net;

namespace IotPsk.Gateway.Tests;

/// <summary>The CONNECT of MQTT 5 of a device that proved to be sensor-1.</summary>
public sealed class MqttConnect5Tests
{
    private const string Device = "sensor-1";
    private const byte CleanStart = 2, Will = 4, Password = 0x40, UserName = 0x80;

    // Session Expiry Interval 3600 and a user property: the gateway passes on what it does not know.
    private static readonly byte[] Properties = [5 + 9, 0x11, 0, 0, 0x0e, 0x10, 0x26, 0, 1, (byte)'a', 0, 3, .. "b:c"u8];

    private static byte[] Text(string text) => [(byte)(text.Length >> 8), (byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Connect(byte flags, byte[] properties, params byte[][] payload)
    {
        byte[] body = [.. Text("MQTT"), 5, flags, 0, 60, .. properties, .. payload.SelectMany(part => part)];
        return [0x10, (byte)(body.Length & 0x7f | (body.Length > 127 ? 0x80 : 0)), .. body.Length > 127 ? [(byte)(body.Length >> 7)] : (byte[])[], .. body];
    }

    private static (PrologueStatus Status, MqttConnectRefusal Refusal, byte[] Upstream, byte[] Reply) Judge(ReadOnlySpan<byte> received)
    {
        ArrayBufferWriter<byte> upstream = new(), reply = new();
        PrologueStatus status = MqttConnectRules.Judge(received, Device, default, out int consumed, upstream, reply, out MqttConnectRefusal refusal, out _);
        Assert.Equal(status == PrologueStatus.Forward ? received.Length : 0, consumed);
        return (status, refusal, upstream.WrittenSpan.ToArray(), reply.WrittenSpan.ToArray());
    }

    [Fact]
    public void User_name_is_set_and_properties_and_will_pass_unchanged()
    {
        byte[] received = Connect(CleanStart | Will, Properties, Text(Device), [5, 0x18, 0, 0, 0, 9], Text("iotpsk/sensor-1/gone"), Text("bye"));
        byte[] expected = Connect(CleanStart | Will | UserName, Properties, Text(Device), [5, 0x18, 0, 0, 0, 9], Text("iotpsk/sensor-1/gone"), Text("bye"), Text(Device));
        Assert.Equal(expected, Judge(received).Upstream);
    }

    [Fact]
    public void A_password_without_a_user_name_is_allowed_since_5()
    {
        byte[] received = Connect(CleanStart | Password, [0], Text(Device), Text("secret"));
        Assert.Equal(Connect(CleanStart | Password | UserName, [0], Text(Device), Text(Device), Text("secret")), Judge(received).Upstream);
    }

    [Theory]
    [InlineData(CleanStart)]
    [InlineData(CleanStart | Password)]
    [InlineData(CleanStart | Password | UserName)]
    public void The_gateways_password_for_the_broker_takes_the_place_of_the_devices(byte flags)
    {
        ArrayBufferWriter<byte> upstream = new(), reply = new();
        byte[][] sent = [Text(Device), .. (flags & UserName) != 0 ? [Text(Device)] : Array.Empty<byte[]>(), .. (flags & Password) != 0 ? [Text("the device's own")] : Array.Empty<byte[]>()];
        byte[] received = Connect(flags, Properties, sent);
        Assert.Equal(PrologueStatus.Forward, MqttConnectRules.Judge(received, Device, "broker's"u8, out _, upstream, reply, out _, out _));
        Assert.Equal(Connect(CleanStart | UserName | Password, Properties, Text(Device), Text(Device), Text("broker's")), upstream.WrittenSpan.ToArray());
    }

    [Theory]
    [InlineData(CleanStart)]
    [InlineData(0)]
    public void An_empty_client_id_is_the_brokers_to_choose(byte flags) =>
        Assert.Equal(Connect((byte)(flags | UserName), [0], Text(""), Text(Device)), Judge(Connect(flags, [0], Text(""))).Upstream);

    [Fact]
    public void A_foreign_client_id_or_user_name_is_not_authorized()
    {
        Assert.Equal([0x20, 3, 0, 0x87, 0], Judge(Connect(CleanStart, [0], Text("sensor-2"))).Reply);
        Assert.Equal([0x20, 3, 0, 0x87, 0], Judge(Connect(CleanStart | UserName, [0], Text(Device), Text("sensor-2"))).Reply);
    }

    [Fact]
    public void What_is_malformed_is_told_so()
    {
        byte[][] wrong =
        [
            Connect(CleanStart, [9], Text(Device)),                         // properties that end beyond the packet
            Connect(CleanStart, [0x80, 0x80, 0x80, 0x80, 1], Text(Device)),
            Connect(CleanStart | 1, [0], Text(Device)),                     // MQTT 5 s3.1.2.3
            Connect(CleanStart | Will, [0], Text(Device), [3, 1], Text("t"), Text("m")),
            Connect(CleanStart, [0], Text(Device), [7]),
        ];
        Assert.All(wrong, packet => Assert.Equal([0x20, 3, 0, 0x81, 0], Judge(packet).Reply));
    }

    [Fact]
    public void A_broker_that_is_away_is_told_in_the_clients_form()
    {
        var prologue = new MqttPrologue((_, _) => { }, null);
        ArrayBufferWriter<byte> reply = new();
        prologue.UpstreamFailed(reply);
        Assert.Equal([0x20, 2, 0, 3], reply.WrittenSpan.ToArray());
        reply = new();
        MqttConnectAnswer.Write(reply, MqttConnectPacket.Level5, MqttConnectRefusal.ServerUnavailable);
        Assert.Equal([0x20, 3, 0, 0x88, 0], reply.WrittenSpan.ToArray());
    }

    [Fact]
    public void Whatever_goes_to_the_broker_carries_the_devices_name()
    {
        byte[] valid = Connect(CleanStart | Will | UserName | Password, Properties, Text(Device), [0], Text("t"), Text("m"), Text(Device), Text("p"));
        Gen<byte[]> mutated =
            from at in Gen.Choose(0, valid.Length - 1)
            from value in Gen.Choose(0, 255)
            select (byte[])[.. valid[..at], (byte)value, .. valid[(at + 1)..]];
        Prop.ForAll(mutated.ToArbitrary(), bytes =>
        {
            ArrayBufferWriter<byte> upstream = new(), reply = new();
            PrologueStatus status = MqttConnectRules.Judge(bytes, Device, default, out _, upstream, reply, out _, out _);
            byte[] sent = upstream.WrittenSpan.ToArray();
            if (status != PrologueStatus.Forward)
                return sent.Length == 0;
            // The packet is as long as it says, and its user name is the device.
            int size = sent[1] < 0x80 ? 2 + sent[1] : 3 + (sent[1] & 0x7f) + (sent[2] << 7);
            return size == sent.Length && (sent[sent[1] < 0x80 ? 9 : 10] & UserName) != 0 && sent.AsSpan().IndexOf("\0\bsensor-1"u8) >= 0;
        }).QuickCheckThrowOnFailure();
        Assert.Equal(60, BinaryPrimitives.ReadInt16BigEndian(Judge(valid).Upstream.AsSpan(10)));
    }
}
