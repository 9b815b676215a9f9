using System.Buffers.Binary;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>A CONNECT of MQTT 3.1.1 (s3.1), as spans of the bytes received.</summary>
internal readonly ref struct MqttConnectPacket
{
    private const int CleanSessionFlag = 0x02, WillFlag = 0x04, PasswordFlag = 0x40, UserNameFlag = 0x80;

    private MqttConnectPacket(byte flags, ReadOnlySpan<byte> keepAlive, ReadOnlySpan<byte> clientId, ReadOnlySpan<byte> will,
        ReadOnlySpan<byte> userName, ReadOnlySpan<byte> password)
    {
        Flags = flags;
        KeepAlive = keepAlive;
        ClientId = clientId;
        Will = will;
        UserName = userName;
        Password = password;
    }

    internal byte Flags { get; }
    internal ReadOnlySpan<byte> KeepAlive { get; }
    internal ReadOnlySpan<byte> ClientId { get; }

    /// <summary>Will topic and message with their lengths; empty without a will.</summary>
    internal ReadOnlySpan<byte> Will { get; }
    internal ReadOnlySpan<byte> UserName { get; }

    /// <summary>The password with its length; empty without one.</summary>
    internal ReadOnlySpan<byte> Password { get; }
    internal bool IsCleanSession => (Flags & CleanSessionFlag) != 0;
    internal bool HasUserName => (Flags & UserNameFlag) != 0;

    /// <summary>Reads what follows the fixed header, all of it.</summary>
    internal static MqttConnectRefusal TryRead(ReadOnlySpan<byte> body, out MqttConnectPacket packet)
    {
        packet = default;
        if (!TryTake(ref body, out ReadOnlySpan<byte> protocol) || body.Length < 4)
            return MqttConnectRefusal.Malformed;
        byte level = body[0], flags = body[1];
        bool is31 = protocol.SequenceEqual("MQIsdp"u8);
        if (!is31 && !protocol.SequenceEqual("MQTT"u8))
            return MqttConnectRefusal.Malformed;        // s3.1.2.1
        if (is31 || level != 4)
            return MqttConnectRefusal.UnsupportedLevel; // s3.1.2.2
        if (!AreFlagsRight(flags))
            return MqttConnectRefusal.Malformed;
        ReadOnlySpan<byte> keepAlive = body.Slice(2, 2);
        body = body[4..];
        if (!TryTake(ref body, out ReadOnlySpan<byte> clientId))
            return MqttConnectRefusal.Malformed;
        ReadOnlySpan<byte> will = body, userName = default, password = body;
        if ((flags & WillFlag) != 0 && !(TryTake(ref body, out _) && TryTake(ref body, out _)))
            return MqttConnectRefusal.Malformed;
        will = will[..^body.Length];
        if ((flags & UserNameFlag) != 0 && !TryTake(ref body, out userName))
            return MqttConnectRefusal.Malformed;
        password = body;
        if ((flags & PasswordFlag) != 0 && !TryTake(ref body, out _))
            return MqttConnectRefusal.Malformed;
        if (!body.IsEmpty)
            return MqttConnectRefusal.Malformed;
        packet = new MqttConnectPacket(flags, keepAlive, clientId, will, userName, password);
        return MqttConnectRefusal.None;
    }

    // The reserved flag (s3.1.2.3), will QoS and retain without a will (s3.1.2.6, s3.1.2.7), a password alone (s3.1.2.9).
    private static bool AreFlagsRight(int flags) =>
        (flags & 1) == 0 && ((flags >> 3) & 3) != 3
        && ((flags & WillFlag) != 0 || (flags & 0x38) == 0)
        && ((flags & PasswordFlag) == 0 || (flags & UserNameFlag) != 0);

    private static bool TryTake(scoped ref ReadOnlySpan<byte> from, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (!BinaryPrimitives.TryReadUInt16BigEndian(from, out ushort length) || from.Length - 2 < length)
            return false;
        field = from.Slice(2, length);
        from = from[(2 + length)..];
        return true;
    }

    /// <summary>Writes the packet with another client id and user name.</summary>
    internal int Write(Span<byte> to, ReadOnlySpan<byte> clientId, ReadOnlySpan<byte> userName)
    {
        int remaining = 10 + 2 + clientId.Length + Will.Length + 2 + userName.Length + Password.Length;
        int at = 0;
        to[at++] = 0x10;
        for (int rest = remaining; ; rest >>= 7)
        {
            to[at++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
            if (rest < 0x80)
                break;
        }
        at = Put(to, at, "MQTT"u8);
        to[at++] = 4;
        to[at++] = (byte)(Flags | UserNameFlag);
        KeepAlive.CopyTo(to[at..]);
        at = Put(to, at + 2, clientId);
        Will.CopyTo(to[at..]);
        at = Put(to, at + Will.Length, userName);
        Password.CopyTo(to[at..]);
        return at + Password.Length;
    }

    /// <summary>Enough room for <see cref="Write"/>.</summary>
    internal int MaxSize(int clientId, int userName) => 5 + 14 + clientId + Will.Length + userName + Password.Length;

    private static int Put(Span<byte> to, int at, ReadOnlySpan<byte> field)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)field.Length);
        field.CopyTo(to[(at + 2)..]);
        return at + 2 + field.Length;
    }
}
