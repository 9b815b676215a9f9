using IotPsk.Tls;

namespace IotPsk.Gateway.Serving;

/// <summary>Names as people know them: of OpenSSL for versions, of the RFC for key exchange modes.</summary>
internal static class TlsNames
{
    internal static string Of(TlsProtocol version) => version switch
    {
        TlsProtocol.Tls12 => "TLSv1.2",
        TlsProtocol.Tls13 => "TLSv1.3",
        TlsProtocol.Dtls12 => "DTLSv1.2",
        TlsProtocol.Dtls13 => "DTLSv1.3",
        _ => version.ToString(),
    };

    internal static string Of(PskKeyExchangeMode mode) => mode == PskKeyExchangeMode.PskKe ? "psk_ke" : "psk_dhe_ke";

    internal static string Of(NamedGroup group) => group switch
    {
        NamedGroup.Secp256r1 => "secp256r1",
        NamedGroup.X25519 => "x25519",
        _ => "none",
    };
}
