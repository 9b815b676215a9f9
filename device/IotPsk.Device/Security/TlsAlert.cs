namespace IotPsk.Device
{
    /// <summary>The alerts of TLS (RFC 8446 s6).</summary>
    internal static class TlsAlert
    {
        // As the RFC calls it, or its number.
        internal static string GetName(int description)
        {
            switch (description)
            {
                case 0: return "close_notify";
                case 10: return "unexpected_message";
                case 20: return "bad_record_mac";
                case 22: return "record_overflow";
                case 40: return "handshake_failure";
                case 47: return "illegal_parameter";
                case 50: return "decode_error";
                case 51: return "decrypt_error";
                case 70: return "protocol_version";
                case 71: return "insufficient_security";
                case 80: return "internal_error";
                case 86: return "inappropriate_fallback";
                case 90: return "user_canceled";
                case 109: return "missing_extension";
                case 110: return "unsupported_extension";
                case 112: return "unrecognized_name";
                case 115: return "unknown_psk_identity";
                case 116: return "certificate_required";
                case 120: return "no_application_protocol";
                default: return "alert " + description.ToString();
            }
        }
    }
}
