using System.Text;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Support;

/// <summary>Engine options of these tests.</summary>
internal static class TestTls
{
    internal static readonly PskTlsServerOptions Server = new();

    internal static PskTlsClient Client(string identity, byte[] psk) => new(new PskTlsClientOptions { Credentials = [Credential(identity, psk)] });

    internal static PskTlsClient ProtocolClient(string identity, byte[] psk, string protocol) =>
        new(new PskTlsClientOptions { Credentials = [Credential(identity, psk)], ApplicationProtocols = [Encoding.ASCII.GetBytes(protocol)] });

    internal static PskTlsClient Tls12Client(string identity, byte[] psk) =>
        new(new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Credential(identity, psk)] });

    internal static PskTlsCredential Credential(string identity, byte[] psk) =>
        new(Encoding.UTF8.GetBytes(identity), psk, PskBinder.External, TlsHash.Sha256);
}
