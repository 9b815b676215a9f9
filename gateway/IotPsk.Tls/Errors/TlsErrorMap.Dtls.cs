using static IotPsk.Tls.AlertDescription;
using static IotPsk.Tls.TlsErrorKind;

namespace IotPsk.Tls;

public static partial class TlsErrorMap
{
    private static (TlsErrorKind Kind, AlertDescription? Alert, string Text) DtlsRow(TlsErrorReason reason) => reason switch
    {
        TlsErrorReason.MalformedHelloVerifyRequest => (Decode, DecodeError, "HelloVerifyRequest does not parse"),
        TlsErrorReason.TooManyHelloVerifyRequests => (PeerMisbehaved, UnexpectedMessage, "the server asks for a cookie again and again"),
        TlsErrorReason.MalformedConnectionId => (Decode, DecodeError, "connection_id does not parse"),
        TlsErrorReason.HandshakeTimedOut => (PeerIncompatible, null, "the peer did not answer (another key, another protocol, or no way to it)"),

        // RFC 6347 s4.1.2.7: forgeries in such numbers are worth an alert.
        TlsErrorReason.TooManyForgedRecords => (PeerMisbehaved, BadRecordMac, "too many records do not authenticate"),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not an error"),
    };
}
