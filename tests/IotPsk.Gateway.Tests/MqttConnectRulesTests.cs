using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Net;
using IotPsk.Shared;

namespace IotPsk.Gateway.Tests;

/// <summary>The CONNECT of a device that proved to be sensor-1.</summary>
public sealed class MqttConnectRulesTests
{
    private const string Device = "sensor-1";
    private static readonly byte[] Ping = [0xc0, 0];

    private sealed record Verdict(PrologueStatus Status, MqttConnectRefusal Refusal, int Consumed, byte[] Upstream, byte[] Reply)
    {
        internal MqttConnect Forwarded()
        {
            Assert.Equal(PrologueStatus.Forward, Status);
            Assert.Equal(MqttReadStatus.Complete, MqttFixedHeader.TryRead(Upstream, 0, Upstream.Length, out MqttFixedHeader header));
            Assert.Equal(Upstream.Length, header.HeaderLength + header.RemainingLength);
            var connect = new MqttConnect();
            Assert.True(connect.TryRead(header, Upstream, header.HeaderLength));
            return connect;
        }
    }

    private static Verdict Judge(ReadOnlySpan<byte> received)
    {
        ArrayBufferWriter<byte> upstream = new(), reply = new();
        PrologueStatus status = MqttConnectRules.Judge(received, Device, default, out int consumed, upstream, reply, out MqttConnectRefusal refusal, out _);
        return new Verdict(status, refusal, consumed, upstream.WrittenSpan.ToArray(), reply.WrittenSpan.ToArray());
    }

    private static byte[] Write(MqttConnect connect)
    {
        var buffer = new byte[70_000];
        return buffer[..connect.Write(buffer, 0)];
    }

    [Fact]
    public void The_gateways_password_for_the_broker_goes_into_a_CONNECT_of_3_1_1_too()
    {
        ArrayBufferWriter<byte> upstream = new(), reply = new();
        byte[] received = Write(new MqttConnect { KeepAlive = 30, UserName = Device, Password = [1], WillTopic = "a", WillMessage = [2] });
        Assert.Equal(PrologueStatus.Forward, MqttConnectRules.Judge(received, Device, new byte[300], out _, upstream, reply, out _, out _));
        byte[] packet = upstream.WrittenSpan.ToArray();
        MqttFixedHeader.TryRead(packet, 0, packet.Length, out MqttFixedHeader header);
        var connect = new MqttConnect();
        Assert.True(connect.TryRead(header, packet, header.HeaderLength));
        Assert.Equal((Device, 300, "a"), (connect.UserName, connect.Password.Length, connect.WillTopic));
    }

    [Fact]
    public void Name_and_client_id_are_set_where_they_are_absent()
    {
        MqttConnect forwarded = Judge(Write(new MqttConnect { KeepAlive = 30 })).Forwarded();
        Assert.Equal((Device, Device, 30), (forwarded.ClientId, forwarded.UserName, forwarded.KeepAlive));
        Assert.True(forwarded.CleanSession);
    }

    [Theory]
    [InlineData(Device)]
    [InlineData(Device + "/1")]
    [InlineData(Device + "/a/b")]
    public void Its_own_name_is_kept_and_so_is_a_client_id_below_it(string clientId)
    {
        MqttConnect forwarded = Judge(Write(new MqttConnect { ClientId = clientId, CleanSession = false, UserName = Device, Password = [1, 2] })).Forwarded();
        Assert.Equal((clientId, Device, false), (forwarded.ClientId, forwarded.UserName, forwarded.CleanSession));
        Assert.Equal([1, 2], forwarded.Password);
    }

    [Theory]
    [InlineData("sensor-2")]
    [InlineData("sensor-1/")]
    [InlineData("sensor-10")]
    [InlineData("sensor-")]
    [InlineData("SENSOR-1")]
    [InlineData("/sensor-1")]
    public void A_client_id_that_is_not_its_own_is_not_authorized(string clientId)
    {
        Verdict verdict = Judge(Write(new MqttConnect { ClientId = clientId }));
        Assert.Equal((PrologueStatus.Refuse, MqttConnectRefusal.ForeignClientId), (verdict.Status, verdict.Refusal));
        Assert.Equal([0x20, 2, 0, 5], verdict.Reply);
        Assert.Empty(verdict.Upstream);
    }

    [Theory]
    [InlineData("sensor-2")]
    [InlineData("")]
    [InlineData("sensor-1/1")]
    public void A_user_name_that_is_not_its_own_is_not_authorized(string userName)
    {
        Verdict verdict = Judge(Write(new MqttConnect { ClientId = Device, UserName = userName }));
        Assert.Equal(MqttConnectRefusal.ForeignUserName, verdict.Refusal);
        Assert.Equal([0x20, 2, 0, 5], verdict.Reply);
    }

    [Fact]
    public void An_empty_client_id_needs_a_clean_session()
    {
        byte[] connect = Write(new MqttConnect());
        connect[9] = 0;
        Verdict verdict = Judge(connect);
        Assert.Equal(MqttConnectRefusal.EmptyClientId, verdict.Refusal);
        Assert.Equal([0x20, 2, 0, 2], verdict.Reply);
    }

    [Theory]
    [InlineData(3, new byte[] { 0x20, 2, 0, 1 })]
    [InlineData(6, new byte[] { 0x20, 3, 0, 0x84, 0 })]
    [InlineData(0x84, new byte[] { 0x20, 3, 0, 0x84, 0 })]
    public void Another_protocol_level_is_named_as_the_reason(byte level, byte[] reply)
    {
        byte[] connect = Write(new MqttConnect());
        connect[8] = level;
        Verdict verdict = Judge(connect);
        Assert.Equal(MqttConnectRefusal.UnsupportedLevel, verdict.Refusal);
        Assert.Equal(reply, verdict.Reply);
    }

    [Fact]
    public void MQTT_3_1_is_told_that_its_level_is_too_low()
    {
        byte[] connect = [0x10, 14, 0, 6, .. "MQIsdp"u8, 3, 2, 0, 60, 0, 0];
        Assert.Equal([0x20, 2, 0, 1], Judge(connect).Reply);
    }

    [Theory]
    [InlineData(0x30, "NotConnect")]      // PUBLISH
    [InlineData(0x11, "Malformed")]       // CONNECT with a reserved flag
    [InlineData((byte)'G', "NotConnect")]
    public void What_is_no_CONNECT_is_cut_off_without_an_answer(byte first, string refusal)
    {
        Verdict verdict = Judge([first, 2, 0, 0]);
        Assert.Equal((PrologueStatus.Refuse, refusal), (verdict.Status, verdict.Refusal.ToString()));
        Assert.Empty(verdict.Reply);
    }

    [Fact]
    public void A_client_id_with_control_characters_reaches_no_log_of_the_broker()
    {
        byte[] connect = Write(new MqttConnect { ClientId = Device + "/a\nb" });
        Assert.Equal(MqttConnectRefusal.Malformed, Judge(connect).Refusal);
    }

    [Fact]
    public void A_CONNECT_that_would_fill_the_buffers_is_refused_by_its_length_alone() =>
        Assert.Equal(MqttConnectRefusal.TooLarge, Judge([0x10, 0xff, 0xff, 0x7f]).Refusal);

    [Fact]
    public void A_length_of_five_bytes_is_malformed() =>
        Assert.Equal(MqttConnectRefusal.Malformed, Judge([0x10, 0x80, 0x80, 0x80, 0x80]).Refusal);

    [Fact]
    public void Half_a_CONNECT_waits_and_what_follows_a_whole_one_is_left_alone()
    {
        byte[] connect = Write(new MqttConnect { ClientId = Device, WillTopic = "iotpsk/sensor-1/gone", WillMessage = [7], WillRetain = true, WillQualityOfService = 1 });
        for (int length = 0; length < connect.Length; length++)
            Assert.Equal(PrologueStatus.NeedMore, Judge(connect.AsSpan(0, length)).Status);
        Verdict verdict = Judge([.. connect, .. Ping]);
        Assert.Equal(connect.Length, verdict.Consumed);
        MqttConnect forwarded = verdict.Forwarded();
        Assert.Equal(("iotpsk/sensor-1/gone", 1, true), (forwarded.WillTopic, forwarded.WillQualityOfService, forwarded.WillRetain));
        Assert.Equal([7], forwarded.WillMessage);
    }

    [Fact]
    public void Whatever_goes_to_the_broker_carries_the_devices_name()
    {
        byte[] valid = Write(new MqttConnect { ClientId = Device, UserName = Device, Password = [1], WillTopic = "t", WillMessage = [2] });
        Gen<byte[]> mutated =
            from at in Gen.Choose(0, valid.Length - 1)
            from value in Gen.Choose(0, 255)
            from end in Gen.Choose(0, valid.Length)
            select (byte[])[.. valid[..at], (byte)value, .. valid[(at + 1)..]] is var all && end > at ? all : all[..end];
        Prop.ForAll(mutated.ToArbitrary(), bytes =>
        {
            Verdict verdict = Judge(bytes);
            if (verdict.Status != PrologueStatus.Forward)
                return verdict.Upstream.Length == 0;
            // The codec of the devices reads it, unless the broker is to judge its text (UTF-8, topic names).
            Assert.Equal(MqttReadStatus.Complete, MqttFixedHeader.TryRead(verdict.Upstream, 0, verdict.Upstream.Length, out MqttFixedHeader header));
            return header.HeaderLength + header.RemainingLength == verdict.Upstream.Length
                && verdict.Upstream.AsSpan().IndexOf("\0\bsensor-1"u8) >= 0;
        }).QuickCheckThrowOnFailure();
    }
}
