using static IotPsk.Tls.AlertDescription;
using static IotPsk.Tls.TlsErrorKind;

namespace IotPsk.Tls;

public static partial class TlsErrorMap
{
    private static (TlsErrorKind Kind, AlertDescription? Alert, string Text) Tls12Row(TlsErrorReason reason) => reason switch
    {
        TlsErrorReason.ExtendedMasterSecretMissing => (PeerIncompatible, HandshakeFailure, "the peer has no extended_master_secret"),
        TlsErrorReason.MalformedExtendedMasterSecret => (Decode, DecodeError, "extended_master_secret is not empty"),
        TlsErrorReason.MalformedRenegotiationInfo => (Decode, DecodeError, "renegotiation_info does not parse"),
        TlsErrorReason.BadRenegotiationInfo => (PeerMisbehaved, HandshakeFailure, "renegotiation_info of a first handshake is not empty"),
        TlsErrorReason.RenegotiationInfoMissing => (PeerIncompatible, HandshakeFailure, "the server has no renegotiation_info"),
        TlsErrorReason.MalformedMaxFragmentLength => (Decode, DecodeError, "max_fragment_length does not parse"),
        TlsErrorReason.BadMaxFragmentLength => (PeerMisbehaved, IllegalParameter, "max_fragment_length has a wrong value"),
        TlsErrorReason.TwoRecordLimits => (PeerMisbehaved, IllegalParameter, "the server answered max_fragment_length and record_size_limit"),
        TlsErrorReason.MalformedPointFormats => (Decode, DecodeError, "ec_point_formats does not parse"),
        TlsErrorReason.UncompressedPointsMissing => (PeerMisbehaved, IllegalParameter, "ec_point_formats lacks the uncompressed form"),
        TlsErrorReason.InappropriateFallback => (PeerMisbehaved, AlertDescription.InappropriateFallback, "the client fell back to TLS 1.2 although both sides speak TLS 1.3"),
        TlsErrorReason.MalformedServerKeyExchange => (Decode, DecodeError, "ServerKeyExchange does not parse"),
        TlsErrorReason.MalformedServerHelloDone => (Decode, DecodeError, "ServerHelloDone is not empty"),
        TlsErrorReason.MalformedClientKeyExchange => (Decode, DecodeError, "ClientKeyExchange does not parse"),
        TlsErrorReason.BadAlertLevel => (PeerMisbehaved, IllegalParameter, "an alert that is neither a warning nor fatal"),
        TlsErrorReason.TooManyRenegotiations => (PeerMisbehaved, UnexpectedMessage, "too many requests for a renegotiation"),
        _ => DtlsRow(reason),
    };
}
