using System.Buffers.Binary;
using System.Text;
using IotPsk.Keys;

namespace IotPsk.Gateway.Serving;

/// <summary>What a session ticket carries for the gateway, sealed by the engine: whose it is, and what was true then.</summary>
/// <param name="Key">Device, epoch and use of the key at the start of the chain.</param>
/// <param name="Generation">The device's registry generation.</param>
/// <param name="Listener">The name of the listener; at another one the ticket is void.</param>
internal sealed record TicketClaims(KeyId Key, long Generation, string Listener)
{
    private const byte Format = 1;
    private const int Fixed = 1 + 1 + sizeof(int) + sizeof(long) + 1 + 1;

    internal byte[] Encode()
    {
        int device = Encoding.ASCII.GetByteCount(Key.DeviceId);
        byte[] payload = new byte[Fixed + device + Encoding.UTF8.GetByteCount(Listener)];
        (payload[0], payload[1]) = (Format, (byte)Key.Use);
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(2), Key.Epoch);
        BinaryPrimitives.WriteInt64BigEndian(payload.AsSpan(6), Generation);
        (payload[14], payload[15]) = ((byte)device, (byte)(payload.Length - Fixed - device));
        Encoding.ASCII.GetBytes(Key.DeviceId, payload.AsSpan(Fixed));
        Encoding.UTF8.GetBytes(Listener, payload.AsSpan(Fixed + device));
        return payload;
    }

    /// <summary>Null if another version of this program wrote it.</summary>
    internal static TicketClaims? TryDecode(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < Fixed || payload[0] != Format || payload.Length != Fixed + payload[14] + payload[15] || !Enum.IsDefined((KeyUse)payload[1]))
            return null;
        return new TicketClaims(
            new KeyId(Encoding.ASCII.GetString(payload.Slice(Fixed, payload[14])), BinaryPrimitives.ReadInt32BigEndian(payload[2..]), (KeyUse)payload[1]),
            BinaryPrimitives.ReadInt64BigEndian(payload[6..]),
            Encoding.UTF8.GetString(payload[(Fixed + payload[14])..]));
    }
}
