using System.Globalization;
using System.Security.Cryptography;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary>Credentials of one device, in the form that its client reads. Each key is derived for it, written and zeroed.</summary>
/// <param name="tpm">The fleet's TPM, open.</param>
/// <param name="fleet">The fleet.</param>
/// <param name="format">csv, json, openssl, mosquitto; or bundle, see <see cref="Bundle"/>.</param>
/// <param name="use">What the key is for.</param>
internal sealed class CredentialWriter(ITpm tpm, FleetRecord fleet, string format, KeyUse use)
{
    /// <summary>Longest line, in bytes: an imported identity and a key in hexadecimal, and the words around them.</summary>
    internal const int MaxLine = 1024;

    internal static KeyUse Use(string name) => name switch
    {
        "tls13" => KeyUse.External13,
        "tls12" => KeyUse.Psk12,
        _ => KeyUse.ImportedTls13Sha256,
    };

    internal FleetRecord Fleet => fleet;

    /// <summary>Where devices that speak CoAP find the gateway, for bundles; null if it has no lwm2m listener.</summary>
    internal string? DtlsAddress { get; init; }

    /// <summary>Appends the device's line.</summary>
    internal void Line(DeviceRecord device, SecretText text)
    {
        using DeviceKey key = DeviceKey.Derive(tpm, fleet, device, use);
        // An imported identity is binary: in text it goes as hexadecimal.
        string identity = use.IsImported() ? Convert.ToHexStringLower(key.Identity) : key.ExternalIdentity;
        switch (format)
        {
            case "csv":
                text.Add(identity).Add(",").AddHex(key.Key).Add("\n");
                break;
            case "mosquitto":
                text.Add(identity).Add(":").AddHex(key.Key).Add("\n");
                break;
            case "openssl":
                text.Add("-psk_identity ").Add(identity).Add(" -psk ").AddHex(key.Key).Add(use == KeyUse.Psk12 ? " -tls1_2\n" : " -tls1_3\n");
                break;
            default:
                string imported = use.IsImported() ? "true" : "false";
                text.Add($"{{ \"device\": \"{device.Id}\", \"identity\": \"{identity}\", \"identityIsHex\": {imported}, \"key\": \"").AddHex(key.Key)
                    .Add(string.Create(CultureInfo.InvariantCulture, $"\", \"imported\": {imported}, \"serverId\": \"{fleet.ServerId}\", \"epoch\": {key.Id.Epoch} }}\n"));
                break;
        }
    }

    /// <summary>The bundle, which the caller zeroes.</summary>
    internal byte[] Bundle(DeviceRecord device, string endpoint)
    {
        var bundle = new CredentialBundle { TlsAddress = endpoint, DtlsAddress = DtlsAddress!, RecordSizeLimit = DeviceBundle.RecordSizeLimit, UseConnectionId = true };
        try
        {
            DeviceBundle.Fill(bundle, tpm, fleet, device);
            return bundle.Encode();
        }
        finally
        {
            bundle.Clear();
        }
    }

    /// <summary>Whether this is the bundle of the device, in this fleet and epoch, for this address.</summary>
    internal bool IsBundleOf(DeviceRecord device, string endpoint, byte[] content)
    {
        try
        {
            CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
            bool same = bundle.DeviceId == device.Id && bundle.ServerId == fleet.ServerId && bundle.TlsAddress == endpoint && bundle.DtlsAddress == DtlsAddress
                && bundle.Epoch == fleet.ActiveEpoch!.Number && bundle.Tls13Key is not null;
            bundle.Clear();
            return same;
        }
        catch (FormatException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
