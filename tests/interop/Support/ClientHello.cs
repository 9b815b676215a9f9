using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Interop.Tests.Support;

/// <summary>ClientHellos made by hand, for what no library's client would send.</summary>
internal static class ClientHello
{
    private const ushort Secp256r1 = 0x0017;

    /// <summary>A well-formed TLS 1.3 record with these PSK identities, each with a binder of random bytes.</summary>
    public static byte[] WithFalseBinders(params byte[][] identities)
    {
        byte[] list = [.. identities.SelectMany(identity => (byte[])[.. Vector16(identity), 0, 0, 0, 0])];
        byte[] binders = [.. identities.SelectMany(_ => (byte[])[32, .. RandomNumberGenerator.GetBytes(32)])];
        return Record(Hello(
            Extension(0x002b, [2, 0x03, 0x04]),                                     // supported_versions: TLS 1.3
            Extension(0x000a, [0, 2, 0, 0x17]),                                     // supported_groups: secp256r1
            Extension(0x0033, Vector16([.. UInt16(Secp256r1), .. Vector16(KeyShare())])),
            Extension(0x002d, [1, 1]),                                              // psk_dhe_ke
            Extension(0x0029, [.. Vector16(list), .. Vector16(binders)])));         // last, RFC 8446 s4.2.11
    }

    public static byte[] WithFalseBinder(string identity) => WithFalseBinders(Encoding.ASCII.GetBytes(identity));

    /// <summary>RFC 9258 s5.1 with the roles as context: the identity that a device of the fleet sends.</summary>
    public static byte[] ImportedIdentity(string externalIdentity, string clientId, string serverId, ushort targetProtocol = 0x0304, ushort targetKdf = 1) =>
    [
        .. Vector16(Encoding.ASCII.GetBytes(externalIdentity)),
        .. Vector16([.. Vector8(Encoding.ASCII.GetBytes(clientId)), .. Vector8(Encoding.ASCII.GetBytes(serverId))]),
        .. UInt16(targetProtocol),
        .. UInt16(targetKdf),
    ];

    public static byte[] Record(byte[] handshake) => [22, 3, 1, .. Vector16(handshake)];

    private static byte[] Hello(params byte[][] extensions)
    {
        byte[] body =
        [
            3, 3,
            .. RandomNumberGenerator.GetBytes(32),
            .. Vector8(RandomNumberGenerator.GetBytes(32)),
            .. Vector16([0x13, 0x01, 0x13, 0x03]),
            1, 0,
            .. Vector16([.. extensions.SelectMany(extension => extension)]),
        ];
        return [1, 0, .. UInt16((ushort)body.Length), .. body];
    }

    private static byte[] KeyShare()
    {
        using ECDiffieHellman key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ECPoint point = key.ExportParameters(includePrivateParameters: false).Q;
        return [4, .. point.X!, .. point.Y!];
    }

    private static byte[] Extension(ushort type, byte[] body) => [.. UInt16(type), .. Vector16(body)];

    private static byte[] Vector8(byte[] bytes) => [checked((byte)bytes.Length), .. bytes];

    private static byte[] Vector16(byte[] bytes) => [.. UInt16(checked((ushort)bytes.Length)), .. bytes];

    private static byte[] UInt16(ushort value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return bytes;
    }
}
