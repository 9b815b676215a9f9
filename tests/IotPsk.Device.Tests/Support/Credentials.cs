using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Support;

/// <summary>Credentials as the gateway issues them.</summary>
internal static class Credentials
{
    internal static CredentialBundle Bundle(string device, byte[] key, string address = "127.0.0.1:8883") => new()
    {
        DeviceId = device,
        ServerId = "gateway-01",
        TlsAddress = address,
        Tls13Identity = new ImportedIdentity(Encoding.ASCII.GetBytes(device + "~1"), RoleContext.Encode(device, "gateway-01"), 0x0304, 1).Encode(),
        Tls13Key = [.. key],
        RecordSizeLimit = 512,
        Epoch = 1,
    };

    /// <summary>With a key for DTLS 1.2 as well, and an address of that.</summary>
    internal static CredentialBundle DatagramBundle(string device, byte[] key, string address)
    {
        CredentialBundle bundle = Bundle(device, key, address);
        bundle.DtlsAddress = address;
        bundle.Tls12Identity = Encoding.ASCII.GetBytes(device + "~1");
        bundle.Tls12Key = [.. key];
        return bundle;
    }
}
