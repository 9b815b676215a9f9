using static IotPsk.Tls.AlertDescription;
using static IotPsk.Tls.TlsErrorKind;

namespace IotPsk.Tls;

/// <summary>The one map from a reason to its kind, alert and text. It is total: a test walks every reason.</summary>
public static partial class TlsErrorMap
{
    /// <summary>Whose fault a reason is.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The reason is <see cref="TlsErrorReason.None"/> or unknown.</exception>
    public static TlsErrorKind Kind(TlsErrorReason reason) => Row(reason).Kind;

    /// <summary>The alert a reason is answered with; null if none is sent.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The reason is <see cref="TlsErrorReason.None"/> or unknown.</exception>
    public static AlertDescription? Alert(TlsErrorReason reason) => Row(reason).Alert;

    /// <summary>What is wrong, in words.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The reason is <see cref="TlsErrorReason.None"/> or unknown.</exception>
    public static string Text(TlsErrorReason reason) => Row(reason).Text;

    private static (TlsErrorKind Kind, AlertDescription? Alert, string Text) Row(TlsErrorReason reason) => reason switch
    {
        TlsErrorReason.UnexpectedRecordType => (PeerMisbehaved, UnexpectedMessage, "a record of an unknown or misplaced type (is this TLS?)"),
        TlsErrorReason.BadRecordVersion => (PeerMisbehaved, ProtocolVersion, "a record of no TLS version"),
        TlsErrorReason.RecordTooLarge => (PeerMisbehaved, RecordOverflow, "a record over the size limit"),
        TlsErrorReason.BadRecordMac => (PeerMisbehaved, BadRecordMac, "a record does not authenticate"),
        TlsErrorReason.RecordWithoutContentType => (PeerMisbehaved, UnexpectedMessage, "a protected record without a content type"),
        TlsErrorReason.EmptyRecord => (PeerMisbehaved, UnexpectedMessage, "an empty handshake or alert record"),
        TlsErrorReason.TooManyEmptyRecords => (PeerMisbehaved, UnexpectedMessage, "too many empty records"),
        TlsErrorReason.BadChangeCipherSpec => (PeerMisbehaved, UnexpectedMessage, "change_cipher_spec is not the byte 1"),
        TlsErrorReason.MisplacedChangeCipherSpec => (PeerMisbehaved, UnexpectedMessage, "change_cipher_spec where it has no place"),
        TlsErrorReason.TooManyChangeCipherSpecs => (PeerMisbehaved, UnexpectedMessage, "too many change_cipher_spec records"),
        TlsErrorReason.TooMuchEarlyData => (PeerMisbehaved, UnexpectedMessage, "too much early data after it was refused"),
        TlsErrorReason.SequenceExhausted => (LocalFault, InternalError, "the record sequence number is exhausted"),

        TlsErrorReason.MalformedAlert => (Decode, DecodeError, "an alert record that is not one alert"),
        TlsErrorReason.TooManyWarnings => (PeerMisbehaved, UnexpectedMessage, "too many warning alerts"),
        TlsErrorReason.PeerAlert => (PeerIncompatible, null, "the peer ended the connection"),
        TlsErrorReason.ClosedDuringHandshake => (PeerIncompatible, null, "the peer closed during the handshake"),

        TlsErrorReason.UnexpectedHandshakeMessage => (PeerMisbehaved, UnexpectedMessage, "a handshake message that has no place here"),
        TlsErrorReason.InterleavedHandshake => (PeerMisbehaved, UnexpectedMessage, "a handshake message is interrupted by another record"),
        TlsErrorReason.ExcessHandshakeData => (PeerMisbehaved, UnexpectedMessage, "handshake data after a message that must end its record"),
        TlsErrorReason.HandshakeMessageTooLarge => (PeerMisbehaved, IllegalParameter, "a handshake message over the size limit"),

        TlsErrorReason.MalformedClientHello => (Decode, DecodeError, "ClientHello does not parse"),
        TlsErrorReason.MalformedExtensions => (Decode, DecodeError, "the extensions do not parse"),
        TlsErrorReason.MalformedSupportedVersions => (Decode, DecodeError, "supported_versions does not parse"),
        TlsErrorReason.MalformedSupportedGroups => (Decode, DecodeError, "supported_groups does not parse"),
        TlsErrorReason.MalformedKeyShare => (Decode, DecodeError, "key_share does not parse"),
        TlsErrorReason.MalformedPskKeyExchangeModes => (Decode, DecodeError, "psk_key_exchange_modes does not parse"),
        TlsErrorReason.MalformedPreSharedKey => (Decode, DecodeError, "pre_shared_key does not parse"),
        TlsErrorReason.MalformedRecordSizeLimit => (Decode, DecodeError, "record_size_limit does not parse"),
        TlsErrorReason.MalformedApplicationProtocols => (Decode, DecodeError, "application_layer_protocol_negotiation does not parse"),
        TlsErrorReason.MalformedEarlyData => (Decode, DecodeError, "early_data does not parse"),
        TlsErrorReason.MalformedCookie => (Decode, DecodeError, "cookie does not parse"),
        TlsErrorReason.MalformedServerName => (Decode, DecodeError, "the answer to server_name is not empty"),

        _ => NegotiationRow(reason),
    };

    private static (TlsErrorKind Kind, AlertDescription? Alert, string Text) NegotiationRow(TlsErrorReason reason) => reason switch
    {
        TlsErrorReason.DuplicateExtension => (PeerMisbehaved, IllegalParameter, "an extension comes twice"),
        TlsErrorReason.LegacyVersionTooOld => (PeerMisbehaved, ProtocolVersion, "legacy_version is SSL 3.0 or older"),
        TlsErrorReason.NoCommonVersion => (PeerIncompatible, ProtocolVersion, "no common protocol version"),
        TlsErrorReason.BadCompressionMethods => (PeerMisbehaved, IllegalParameter, "legacy_compression_methods is not null"),
        TlsErrorReason.PreSharedKeyNotLast => (PeerMisbehaved, IllegalParameter, "pre_shared_key is not the last extension"),
        TlsErrorReason.BinderCountMismatch => (PeerMisbehaved, IllegalParameter, "identities and binders differ in number"),
        TlsErrorReason.NoPskOffered => (PeerIncompatible, HandshakeFailure, "the client offers no PSK"),
        TlsErrorReason.MandatoryExtensionMissing => (PeerMisbehaved, MissingExtension, "neither pre_shared_key nor signature_algorithms and supported_groups"),
        TlsErrorReason.PskKeyExchangeModesMissing => (PeerMisbehaved, MissingExtension, "pre_shared_key without psk_key_exchange_modes"),
        TlsErrorReason.KeyShareMissing => (PeerMisbehaved, MissingExtension, "key_share is missing"),
        TlsErrorReason.SupportedGroupsMissing => (PeerMisbehaved, MissingExtension, "supported_groups is missing"),
        TlsErrorReason.DuplicateKeyShare => (PeerMisbehaved, IllegalParameter, "two key shares of one group"),
        TlsErrorReason.KeyShareOfUnofferedGroup => (PeerMisbehaved, IllegalParameter, "a key share of a group that supported_groups does not name"),
        TlsErrorReason.InvalidKeyShare => (PeerMisbehaved, IllegalParameter, "a key share is not a valid public key"),
        TlsErrorReason.RecordSizeLimitTooSmall => (PeerMisbehaved, IllegalParameter, "record_size_limit is below 64"),
        TlsErrorReason.RecordSizeLimitTooLarge => (PeerMisbehaved, IllegalParameter, "record_size_limit is above 16385"),
        TlsErrorReason.NoCommonCipherSuite => (PeerIncompatible, HandshakeFailure, "no common cipher suite with the PSK's hash"),
        TlsErrorReason.NoCommonKeyExchangeMode => (PeerIncompatible, HandshakeFailure, "no common PSK key exchange mode"),
        TlsErrorReason.NoCommonGroup => (PeerIncompatible, HandshakeFailure, "no common group"),
        TlsErrorReason.NoCommonApplicationProtocol => (PeerIncompatible, NoApplicationProtocol, "no common application protocol"),
        TlsErrorReason.NoUsablePsk => (PeerIncompatible, DecryptError, "no offered PSK identity is usable"),
        TlsErrorReason.BinderMismatch => (PeerMisbehaved, DecryptError, "the PSK binder does not verify (wrong key, or wrong kind of PSK)"),
        TlsErrorReason.SecondHelloChanged => (PeerMisbehaved, IllegalParameter, "the second ClientHello is not the first one"),
        TlsErrorReason.SecondHelloWrongKeyShare => (PeerMisbehaved, IllegalParameter, "the second ClientHello does not carry the requested key share alone"),
        TlsErrorReason.SecondHelloWithoutPsk => (PeerMisbehaved, IllegalParameter, "the second ClientHello dropped the selected PSK"),
        TlsErrorReason.SecondHelloWithoutPreSharedKey => (PeerMisbehaved, MissingExtension, "the second ClientHello has no pre_shared_key"),
        TlsErrorReason.EarlyDataAfterRetry => (PeerMisbehaved, IllegalParameter, "early_data in the second ClientHello"),

        TlsErrorReason.MalformedFinished => (Decode, DecodeError, "Finished has the wrong length"),
        TlsErrorReason.FinishedMismatch => (PeerMisbehaved, DecryptError, "Finished does not verify"),
        TlsErrorReason.MalformedKeyUpdate => (Decode, DecodeError, "KeyUpdate has the wrong length"),
        TlsErrorReason.BadKeyUpdateRequest => (PeerMisbehaved, IllegalParameter, "KeyUpdate asks for something unknown"),
        TlsErrorReason.TooManyKeyUpdates => (PeerMisbehaved, UnexpectedMessage, "too many KeyUpdates without data"),
        TlsErrorReason.TooManyTickets => (PeerMisbehaved, UnexpectedMessage, "too many NewSessionTickets without data"),
        TlsErrorReason.MalformedNewSessionTicket => (Decode, DecodeError, "NewSessionTicket does not parse"),

        _ => ServerAnswerRow(reason),
    };

    private static (TlsErrorKind Kind, AlertDescription? Alert, string Text) ServerAnswerRow(TlsErrorReason reason) => reason switch
    {
        TlsErrorReason.MalformedServerHello => (Decode, DecodeError, "ServerHello does not parse"),
        TlsErrorReason.MalformedEncryptedExtensions => (Decode, DecodeError, "EncryptedExtensions does not parse"),
        TlsErrorReason.SelectedUnofferedVersion => (PeerMisbehaved, IllegalParameter, "the server selected a version that was not offered"),
        TlsErrorReason.ServerTooOld => (PeerIncompatible, ProtocolVersion, "the server does not speak TLS 1.3"),
        TlsErrorReason.DowngradeDetected => (PeerMisbehaved, IllegalParameter, "the server speaks an older version although it knows TLS 1.3 (a downgrade attack)"),
        TlsErrorReason.BadSessionIdEcho => (PeerMisbehaved, IllegalParameter, "legacy_session_id_echo is not what was sent"),
        TlsErrorReason.SelectedUnofferedCipherSuite => (PeerMisbehaved, IllegalParameter, "the server selected a cipher suite that was not offered"),
        TlsErrorReason.SelectedUnofferedGroup => (PeerMisbehaved, IllegalParameter, "the server selected a group that was not offered"),
        TlsErrorReason.SelectedUnofferedPsk => (PeerMisbehaved, IllegalParameter, "the server selected a PSK that was not offered"),
        TlsErrorReason.SelectedPskOfOtherHash => (PeerMisbehaved, IllegalParameter, "the selected PSK and cipher suite have different hashes"),
        TlsErrorReason.SelectedUnofferedKeyExchangeMode => (PeerMisbehaved, IllegalParameter, "the server selected a key exchange mode that was not offered"),
        TlsErrorReason.SelectedUnofferedApplicationProtocol => (PeerMisbehaved, IllegalParameter, "the server selected an application protocol that was not offered"),
        TlsErrorReason.ServerIgnoredPsk => (PeerIncompatible, HandshakeFailure, "the server did not take a PSK"),
        TlsErrorReason.UnsolicitedExtension => (PeerMisbehaved, UnsupportedExtension, "the server sent an extension that was not asked for"),
        TlsErrorReason.MisplacedExtension => (PeerMisbehaved, IllegalParameter, "an extension in a message it does not belong to"),
        TlsErrorReason.RetryWithoutChange => (PeerMisbehaved, IllegalParameter, "HelloRetryRequest changes nothing"),
        TlsErrorReason.SecondRetryRequest => (PeerMisbehaved, UnexpectedMessage, "a second HelloRetryRequest"),
        TlsErrorReason.SelectionChangedAfterRetry => (PeerMisbehaved, IllegalParameter, "ServerHello contradicts HelloRetryRequest"),

        TlsErrorReason.CryptoFailure => (LocalFault, InternalError, "the cryptographic library failed"),
        TlsErrorReason.PskLookupFailed => (LocalFault, InternalError, "the PSK lookup failed"),
        _ => Tls12Row(reason),
    };
}
