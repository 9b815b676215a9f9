using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

/// <summary>Generators and samples of what travels between device and gateway.</summary>
internal static class Samples
{
    public static Gen<string> DeviceIds { get; } =
        from length in Gen.Choose(1, 64)
        from text in Gen.Elements("ABCXYZabcxyz0189._:-".ToCharArray()).ListOf(length)
        select new string([.. text]);

    public static Gen<string> ServerIds { get; } =
        from length in Gen.Choose(1, 255)
        from text in Gen.Choose(0x20, 0x7e).ListOf(length)
        select new string([.. text.Select(c => (char)c)]);

    public static Gen<int> Epochs { get; } = Gen.OneOf(Gen.Choose(1, 20), Gen.Choose(1, ExternalIdentity.MaxEpoch),
        Gen.Elements(ExternalIdentity.ResidentEpoch, ExternalIdentity.SessionEpoch, ExternalIdentity.MaxEpoch));

    public static Gen<byte[]> Bytes(int least, int most) =>
        from length in Gen.Choose(least, most)
        from bytes in Gen.Choose(0, 255).ListOf(length)
        select bytes.Select(b => (byte)b).ToArray();

    public static Gen<CredentialBundle> Bundles { get; } =
        from id in DeviceIds
        from server in ServerIds
        from epoch in Epochs
        from key in Bytes(32, 32)
        from parts in Gen.Choose(0, 3)
        from limit in Gen.Choose(CredentialBundle.MinRecordSizeLimit, CredentialBundle.MaxRecordSizeLimit)
        from port in Gen.Choose(1, 65535)
        from cid in Gen.Elements(true, false)
        select Bundle(id, server, epoch, key, parts, limit, port, cid);

    public static CredentialBundle Bundle() => Bundle("sensor-1", "plant", 1, Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), 3, 1024, 8883, true);

    public static byte[] Identity(string id, string server, int epoch, int protocol = ImportedIdentity.Tls13, int kdf = ImportedIdentity.HkdfSha256) =>
        new ImportedIdentity(Encoding.ASCII.GetBytes(ExternalIdentity.Format(id, epoch)), RoleContext.Encode(id, server), protocol, kdf).Encode();

    private static CredentialBundle Bundle(string id, string server, int epoch, byte[] key, int parts, int limit, int port, bool cid) => new()
    {
        DeviceId = id,
        ServerId = server,
        TlsAddress = $"gateway.example:{port}",
        DtlsAddress = (parts & 1) == 0 ? null! : $"192.0.2.7:{port}",
        Tls13Identity = Identity(id, server, epoch),
        Tls13Key = key,
        Tls12Identity = (parts & 2) == 0 ? null! : Encoding.ASCII.GetBytes(ExternalIdentity.Format(id, epoch)),
        Tls12Key = (parts & 2) == 0 ? null! : key.Reverse().ToArray(),
        RecordSizeLimit = limit,
        UseConnectionId = cid,
        Epoch = epoch > 0 ? epoch : 0,
    };
}
