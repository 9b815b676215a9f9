using System.Globalization;
using System.Security.Cryptography;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary>Credentials of a device with a key of its own, at its enrolment: the one time that the gateway has the key in memory.</summary>
/// <param name="serverId">The fleet's logical name.</param>
/// <param name="mode">Resident or Session.</param>
/// <param name="randoms">How many bytes of each random a session key is made from.</param>
/// <param name="format">csv, json or bundle.</param>
/// <param name="endpoint">The bundle's address for TLS; else null.</param>
/// <param name="datagrams">That for DTLS, if there is one.</param>
internal sealed class OwnKeyCredential(string serverId, DeviceMode mode, int randoms, string format, string? endpoint, string? datagrams)
{
    private const int RecordSizeLimit = 1024;

    /// <summary>Appends what the device gets: a line, or the bundle.</summary>
    /// <param name="id">Device id.</param>
    /// <param name="secret">The EPSK of a resident device, of which it gets the imported key; K of a session device.</param>
    /// <param name="text">Where to.</param>
    internal void Write(string id, ReadOnlySpan<byte> secret, SecretText text)
    {
        if (mode == DeviceMode.Session)
        {
            if (format == "bundle")
                text.Add(SessionBundle(id, secret));
            else
                Line(id, CanonicalIdentity.External(new KeyId(id, ExternalIdentity.SessionEpoch, KeyUse.Session12)), secret, text);
            return;
        }
        byte[] identity = CanonicalIdentity.Encode(new KeyId(id, ExternalIdentity.ResidentEpoch, KeyUse.ImportedTls13Sha256), serverId);
        byte[] ipsk = GC.AllocateUninitializedArray<byte>(KeyUse.ImportedTls13Sha256.KeySize(), pinned: true);
        try
        {
            Rfc9258.Import(secret, PskHash.Sha256, identity, ipsk);
            if (format == "bundle")
                text.Add(Bundle(id, identity, ipsk));
            else
                Line(id, Convert.ToHexStringLower(identity), ipsk, text);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(ipsk);
        }
    }

    private void Line(string id, string identity, ReadOnlySpan<byte> key, SecretText text)
    {
        if (format == "csv")
        {
            text.Add(identity).Add(",").AddHex(key).Add("\n");
            return;
        }
        bool resident = mode == DeviceMode.Resident;
        text.Add($"{{ \"device\": \"{id}\", \"mode\": \"{(resident ? "resident" : "session")}\", \"identity\": \"{identity}\", \"identityIsHex\": {(resident ? "true" : "false")}, \"key\": \"").AddHex(key)
            .Add(string.Create(CultureInfo.InvariantCulture, $"\", \"imported\": {(resident ? "true" : "false")}, \"serverId\": \"{serverId}\"{(resident ? "" : $", \"randoms\": {randoms}")} }}\n"));
    }

    private byte[] SessionBundle(string id, ReadOnlySpan<byte> secret)
    {
        if (secret.Length != CredentialBundle.KeyLength)
            throw new UserError($"a bundle holds a key of {CredentialBundle.KeyLength} bytes, this one has {secret.Length}", "--format", "use csv or json for it, or leave --key-file out");
        byte[] key = GC.AllocateUninitializedArray<byte>(secret.Length, pinned: true);
        secret.CopyTo(key);
        var bundle = new CredentialBundle
        {
            DeviceId = id,
            ServerId = serverId,
            TlsAddress = endpoint!,
            DtlsAddress = datagrams!,
            Tls12Identity = System.Text.Encoding.ASCII.GetBytes(CanonicalIdentity.External(new KeyId(id, ExternalIdentity.SessionEpoch, KeyUse.Session12))),
            Tls12Key = key,
            SessionRandoms = randoms,
            RecordSizeLimit = RecordSizeLimit,
            UseConnectionId = true,
        };
        try
        {
            return bundle.Encode();
        }
        finally
        {
            bundle.Clear();
        }
    }

    private byte[] Bundle(string id, byte[] identity, byte[] ipsk)
    {
        var bundle = new CredentialBundle
        {
            DeviceId = id,
            ServerId = serverId,
            TlsAddress = endpoint!,
            Tls13Identity = identity,
            Tls13Key = ipsk,
            RecordSizeLimit = RecordSizeLimit,
            UseConnectionId = true,
        };
        return bundle.Encode();
    }
}
