using System.Buffers;
using System.Text;
using IotPsk.Net;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>
/// What a CONNECT must be to reach the broker: a device speaks for itself alone. User name and client id are set where they
/// are absent, so that the broker's access rules can rely on them.
/// </summary>
internal static class MqttConnectRules
{
    /// <summary>Bytes of a CONNECT at most; the endpoint's own bound lies above it.</summary>
    internal const int MaxConnect = 60 * 1024;
    private const int ConnectType = 0x10;

    /// <summary>Judges the first bytes of a device's session.</summary>
    /// <param name="received">Everything received so far.</param>
    /// <param name="deviceId">The device that proved its key.</param>
    /// <param name="password">The password the broker asks of the gateway, whatever the device sent; empty: what the device sent goes on.</param>
    /// <param name="consumed">Bytes of the CONNECT, when it goes to the broker.</param>
    /// <param name="upstream">Gets the CONNECT for the broker.</param>
    /// <param name="reply">Gets the CONNACK of a refusal, where one is due.</param>
    /// <param name="refusal">Why it was refused.</param>
    /// <param name="level">The protocol level, in whose form the client is answered.</param>
    internal static PrologueStatus Judge(ReadOnlySpan<byte> received, string deviceId, ReadOnlySpan<byte> password, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply, out MqttConnectRefusal refusal, out byte level)
    {
        consumed = 0;
        level = MqttConnectPacket.Level311;
        refusal = MqttConnectRefusal.None;
        if (received.IsEmpty)
            return PrologueStatus.NeedMore;
        refusal = Frame(received, out int header, out int size);
        if (refusal != MqttConnectRefusal.None)
            return PrologueStatus.Refuse; // without an answer: its form is not known yet
        if (size == 0 || received.Length < size)
            return PrologueStatus.NeedMore;
        refusal = Forward(received[header..size], deviceId, password, upstream, out level);
        if (refusal != MqttConnectRefusal.None)
        {
            MqttConnectAnswer.Write(reply, level, refusal);
            return PrologueStatus.Refuse;
        }
        consumed = size;
        return PrologueStatus.Forward;
    }

    // Lengths of the fixed header and of the packet; 0 while they are not known.
    private static MqttConnectRefusal Frame(ReadOnlySpan<byte> received, out int header, out int size)
    {
        header = size = 0;
        if (received[0] != ConnectType)
            return received[0] >> 4 == 1 ? MqttConnectRefusal.Malformed : MqttConnectRefusal.NotConnect;
        if (!MqttLength.TryRead(received[1..], out int length, out int count, out bool isMalformed))
            return isMalformed ? MqttConnectRefusal.Malformed : MqttConnectRefusal.None;
        header = 1 + count;
        size = header + length;
        return size > MaxConnect ? MqttConnectRefusal.TooLarge : MqttConnectRefusal.None;
    }

    private static MqttConnectRefusal Forward(ReadOnlySpan<byte> body, string deviceId, ReadOnlySpan<byte> password, IBufferWriter<byte> upstream, out byte level)
    {
        MqttConnectRefusal refusal = MqttConnectPacket.TryRead(body, out MqttConnectPacket packet, out level);
        if (refusal != MqttConnectRefusal.None)
            return refusal;
        Span<byte> device = stackalloc byte[DeviceId.MaxLength];
        device = device[..Encoding.ASCII.GetBytes(deviceId, device)];
        if (packet.HasUserName && !packet.UserName.SequenceEqual(device))
            return MqttConnectRefusal.ForeignUserName;
        // s1.5.3 lets a receiver refuse control characters; in a client id they would reach the broker's log.
        if (packet.ClientId.IndexOfAnyInRange((byte)0, (byte)0x1f) >= 0 || packet.ClientId.Contains((byte)0x7f))
            return MqttConnectRefusal.Malformed;
        // MQTT 5 s3.2.2.3.7: there an empty id is the broker's to choose, for it must tell the client what it chose.
        bool isBrokers = level == MqttConnectPacket.Level5;
        if (packet.ClientId.IsEmpty && !packet.IsCleanStart && !isBrokers)
            return MqttConnectRefusal.EmptyClientId;
        if (!packet.ClientId.IsEmpty && !IsOwn(packet.ClientId, device))
            return MqttConnectRefusal.ForeignClientId;
        ReadOnlySpan<byte> clientId = packet.ClientId.IsEmpty && !isBrokers ? device : packet.ClientId;
        Span<byte> to = upstream.GetSpan(packet.MaxSize(clientId.Length, device.Length, password.Length));
        upstream.Advance(packet.Write(to, clientId, device, password));
        return MqttConnectRefusal.None;
    }

    // The device's id, or something below it: "<id>/...". No device id contains '/', so no device is below another.
    private static bool IsOwn(ReadOnlySpan<byte> clientId, ReadOnlySpan<byte> device) =>
        clientId.StartsWith(device) && (clientId.Length == device.Length || (clientId[device.Length] == '/' && clientId.Length > device.Length + 1));
}
