using System.Buffers.Binary;

namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>A CONNECT of MQTT 3.1.1 or 5 (s3.1 of both), as spans of the bytes received.</summary>
internal readonly ref struct MqttConnectPacket
{
    internal const byte Level311 = 4, Level5 = 5;
    private const int CleanStartFlag = 0x02, WillFlag = 0x04, PasswordFlag = 0x40, UserNameFlag = 0x80;

    internal byte Level { get; private init; }
    internal byte Flags { get; private init; }
    internal ReadOnlySpan<byte> KeepAlive { get; private init; }

    /// <summary>The properties with their length (MQTT 5 s3.1.2.11), for the broker to judge; empty in 3.1.1.</summary>
    internal ReadOnlySpan<byte> Properties { get; private init; }
    internal ReadOnlySpan<byte> ClientId { get; private init; }

    /// <summary>Properties, topic and message of the will with their lengths; empty without a will.</summary>
    internal ReadOnlySpan<byte> Will { get; private init; }
    internal ReadOnlySpan<byte> UserName { get; private init; }

    /// <summary>The password with its length; empty without one.</summary>
    internal ReadOnlySpan<byte> Password { get; private init; }
    internal bool IsCleanStart => (Flags & CleanStartFlag) != 0;
    internal bool HasUserName => (Flags & UserNameFlag) != 0;

    /// <summary>Reads what follows the fixed header, all of it.</summary>
    /// <param name="body">The rest of the packet.</param>
    /// <param name="packet">The packet, when nothing is wrong with it.</param>
    /// <param name="level">The protocol level, as soon as it is known: the answer is in its form. 3.1.1 before.</param>
    internal static MqttConnectRefusal TryRead(ReadOnlySpan<byte> body, out MqttConnectPacket packet, out byte level)
    {
        packet = default;
        level = Level311;
        if (!TryTake(ref body, out ReadOnlySpan<byte> protocol) || body.Length < 4)
            return MqttConnectRefusal.Malformed;
        bool is31 = protocol.SequenceEqual("MQIsdp"u8);
        if (!is31 && !protocol.SequenceEqual("MQTT"u8))
            return MqttConnectRefusal.Malformed;        // 3.1.1 s3.1.2.1
        level = !is31 && body[0] >= Level5 ? Level5 : Level311;
        if (is31 || body[0] is not (Level311 or Level5))
            return MqttConnectRefusal.UnsupportedLevel; // 3.1.1 s3.1.2.2
        byte flags = body[1];
        if (!AreFlagsRight(level, flags))
            return MqttConnectRefusal.Malformed;
        ReadOnlySpan<byte> keepAlive = body.Slice(2, 2), properties = default;
        body = body[4..];
        if (level == Level5 && !TryTakeProperties(ref body, out properties) || !TryTake(ref body, out ReadOnlySpan<byte> clientId))
            return MqttConnectRefusal.Malformed;
        ReadOnlySpan<byte> will = body, userName = default;
        if ((flags & WillFlag) != 0 && !(level == Level311 || TryTakeProperties(ref body, out _)) ||
            (flags & WillFlag) != 0 && !(TryTake(ref body, out _) && TryTake(ref body, out _)))
            return MqttConnectRefusal.Malformed;
        will = will[..^body.Length];
        if ((flags & UserNameFlag) != 0 && !TryTake(ref body, out userName))
            return MqttConnectRefusal.Malformed;
        ReadOnlySpan<byte> password = body;
        if ((flags & PasswordFlag) != 0 && !TryTake(ref body, out _) || !body.IsEmpty)
            return MqttConnectRefusal.Malformed;
        packet = new MqttConnectPacket
        {
            Level = level, Flags = flags, KeepAlive = keepAlive, Properties = properties, ClientId = clientId, Will = will, UserName = userName, Password = password,
        };
        return MqttConnectRefusal.None;
    }

    /// <summary>Writes the packet with another client id and user name, and with another password if there is one.</summary>
    internal int Write(Span<byte> to, ReadOnlySpan<byte> clientId, ReadOnlySpan<byte> userName, ReadOnlySpan<byte> password)
    {
        int secret = password.IsEmpty ? Password.Length : 2 + password.Length;
        int remaining = 10 + Properties.Length + 2 + clientId.Length + Will.Length + 2 + userName.Length + secret;
        int at = 0;
        to[at++] = 0x10;
        for (int rest = remaining; ; rest >>= 7)
        {
            to[at++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
            if (rest < 0x80)
                break;
        }
        at = Put(to, at, "MQTT"u8);
        to[at++] = Level;
        to[at++] = (byte)(Flags | UserNameFlag | (password.IsEmpty ? 0 : PasswordFlag));
        KeepAlive.CopyTo(to[at..]);
        Properties.CopyTo(to[(at + 2)..]);
        at = Put(to, at + 2 + Properties.Length, clientId);
        Will.CopyTo(to[at..]);
        at = Put(to, at + Will.Length, userName);
        if (!password.IsEmpty)
            return Put(to, at, password);
        Password.CopyTo(to[at..]);
        return at + Password.Length;
    }

    /// <summary>Enough room for <see cref="Write"/>.</summary>
    internal int MaxSize(int clientId, int userName, int password) => 5 + 16 + Properties.Length + clientId + Will.Length + userName + Math.Max(password, Password.Length);

    // The reserved flag (3.1.1 s3.1.2.3), will QoS and retain without a will (s3.1.2.6, s3.1.2.7), a password alone (3.1.1 s3.1.2.9; allowed since 5).
    private static bool AreFlagsRight(byte level, int flags) =>
        (flags & 1) == 0 && ((flags >> 3) & 3) != 3
        && ((flags & WillFlag) != 0 || (flags & 0x38) == 0)
        && (level == Level5 || (flags & PasswordFlag) == 0 || (flags & UserNameFlag) != 0);

    private static bool TryTake(scoped ref ReadOnlySpan<byte> from, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (!BinaryPrimitives.TryReadUInt16BigEndian(from, out ushort length) || from.Length - 2 < length)
            return false;
        field = from.Slice(2, length);
        from = from[(2 + length)..];
        return true;
    }

    private static bool TryTakeProperties(scoped ref ReadOnlySpan<byte> from, out ReadOnlySpan<byte> properties)
    {
        properties = default;
        if (!MqttLength.TryRead(from, out int length, out int count, out _) || from.Length - count < length)
            return false;
        properties = from[..(count + length)];
        from = from[(count + length)..];
        return true;
    }

    private static int Put(Span<byte> to, int at, ReadOnlySpan<byte> field)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)field.Length);
        field.CopyTo(to[(at + 2)..]);
        return at + 2 + field.Length;
    }
}
