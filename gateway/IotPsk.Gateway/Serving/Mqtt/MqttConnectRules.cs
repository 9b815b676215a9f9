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
    /// <param name="consumed">Bytes of the CONNECT, when it goes to the broker.</param>
    /// <param name="upstream">Gets the CONNECT for the broker.</param>
    /// <param name="reply">Gets the CONNACK of a refusal, where one is due.</param>
    /// <param name="refusal">Why it was refused.</param>
    internal static PrologueStatus Judge(ReadOnlySpan<byte> received, string deviceId, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply, out MqttConnectRefusal refusal)
    {
        consumed = 0;
        refusal = MqttConnectRefusal.None;
        if (received.IsEmpty)
            return PrologueStatus.NeedMore;
        if (received[0] != ConnectType)
            return Refuse(reply, refusal = received[0] >> 4 == 1 ? MqttConnectRefusal.Malformed : MqttConnectRefusal.NotConnect);
        if (!TryReadLength(received[1..], out int length, out int header, out bool isMalformed))
            return isMalformed ? Refuse(reply, refusal = MqttConnectRefusal.Malformed) : PrologueStatus.NeedMore;
        int size = 1 + header + length;
        if (size > MaxConnect)
            return Refuse(reply, refusal = MqttConnectRefusal.TooLarge);
        if (received.Length < size)
            return PrologueStatus.NeedMore;
        refusal = Forward(received[(1 + header)..size], deviceId, upstream);
        if (refusal != MqttConnectRefusal.None)
            return Refuse(reply, refusal);
        consumed = size;
        return PrologueStatus.Forward;
    }

    private static MqttConnectRefusal Forward(ReadOnlySpan<byte> body, string deviceId, IBufferWriter<byte> upstream)
    {
        MqttConnectRefusal refusal = MqttConnectPacket.TryRead(body, out MqttConnectPacket packet);
        if (refusal != MqttConnectRefusal.None)
            return refusal;
        Span<byte> device = stackalloc byte[DeviceId.MaxLength];
        device = device[..Encoding.ASCII.GetBytes(deviceId, device)];
        if (packet.HasUserName && !packet.UserName.SequenceEqual(device))
            return MqttConnectRefusal.ForeignUserName;
        // s1.5.3 lets a receiver refuse control characters; in a client id they would reach the broker's log.
        if (packet.ClientId.IndexOfAnyInRange((byte)0, (byte)0x1f) >= 0 || packet.ClientId.Contains((byte)0x7f))
            return MqttConnectRefusal.Malformed;
        if (packet.ClientId.IsEmpty && !packet.IsCleanSession)
            return MqttConnectRefusal.EmptyClientId;
        if (!packet.ClientId.IsEmpty && !IsOwn(packet.ClientId, device))
            return MqttConnectRefusal.ForeignClientId;
        ReadOnlySpan<byte> clientId = packet.ClientId.IsEmpty ? device : packet.ClientId;
        Span<byte> to = upstream.GetSpan(packet.MaxSize(clientId.Length, device.Length));
        upstream.Advance(packet.Write(to, clientId, device));
        return MqttConnectRefusal.None;
    }

    // The device's id, or something below it: "<id>/...". No device id contains '/', so no device is below another.
    private static bool IsOwn(ReadOnlySpan<byte> clientId, ReadOnlySpan<byte> device) =>
        clientId.StartsWith(device) && (clientId.Length == device.Length || (clientId[device.Length] == '/' && clientId.Length > device.Length + 1));

    private static PrologueStatus Refuse(IBufferWriter<byte> reply, MqttConnectRefusal refusal)
    {
        int? code = refusal switch
        {
            MqttConnectRefusal.UnsupportedLevel => MqttConnAck.UnacceptableProtocolVersion, // s3.1.2.2
            MqttConnectRefusal.EmptyClientId => MqttConnAck.IdentifierRejected,             // s3.1.3.1
            MqttConnectRefusal.ForeignClientId or MqttConnectRefusal.ForeignUserName => MqttConnAck.NotAuthorized,
            _ => null,                                                                      // s4.8: the connection is closed
        };
        if (code is { } told)
            Answer(reply, told);
        return PrologueStatus.Refuse;
    }

    /// <summary>Writes a CONNACK with this return code (s3.2.2.3).</summary>
    internal static void Answer(IBufferWriter<byte> reply, int code)
    {
        var packet = new byte[MqttConnAck.Length];
        new MqttConnAck { ReturnCode = code }.Write(packet, 0);
        reply.Write(packet);
    }

    // Remaining Length, s2.2.3: at most four bytes, seven bits each.
    private static bool TryReadLength(ReadOnlySpan<byte> from, out int length, out int count, out bool isMalformed)
    {
        length = count = 0;
        foreach (byte digit in from)
        {
            length |= (digit & 0x7f) << (7 * count++);
            if (digit < 0x80)
            {
                isMalformed = false;
                return true;
            }
            if (count == 4)
            {
                isMalformed = true;
                return false;
            }
        }
        isMalformed = false;
        return false;
    }
}
