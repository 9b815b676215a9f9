using IotPsk.Tls;

namespace IotPsk.Gateway.Serving;

/// <summary>Names as people know them: of OpenSSL for versions, of the RFCs for key exchange modes.</summary>
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

    /// <summary>How the key was exchanged; TLS 1.2 has names of its own for it.</summary>
    internal static string KeyExchange(PskTlsSession session) => (session.Version is TlsProtocol.Tls12 or TlsProtocol.Dtls12, session.KeyExchangeMode) switch
    {
        (false, PskKeyExchangeMode.PskKe) => "psk_ke",
        (false, _) => "psk_dhe_ke",
        (true, PskKeyExchangeMode.PskKe) => "psk",
        (true, _) => "ecdhe_psk",
    };

    internal static string Of(NamedGroup group) => group switch
    {
        NamedGroup.Secp256r1 => "secp256r1",
        NamedGroup.X25519 => "x25519",
        _ => "none",
    };
}
