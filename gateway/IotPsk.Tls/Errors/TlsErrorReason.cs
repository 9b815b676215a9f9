namespace IotPsk.Tls;

/// <summary>The exact reason why a connection ended. <see cref="TlsErrorMap"/> gives each its kind, alert and text.</summary>
public enum TlsErrorReason
{
    /// <summary>No error.</summary>
    None = 0,

    // The record layer.

    /// <summary>A record of a type that is unknown or not allowed now.</summary>
    UnexpectedRecordType,

    /// <summary>A record whose version is not one of TLS.</summary>
    BadRecordVersion,

    /// <summary>A record longer than the protocol or the announced record_size_limit allows.</summary>
    RecordTooLarge,

    /// <summary>A record that does not authenticate.</summary>
    BadRecordMac,

    /// <summary>A protected record without a content type.</summary>
    RecordWithoutContentType,

    /// <summary>A handshake or alert record without content.</summary>
    EmptyRecord,

    /// <summary>Too many application data records without content in a row.</summary>
    TooManyEmptyRecords,

    /// <summary>A change_cipher_spec record that is not the single byte 1.</summary>
    BadChangeCipherSpec,

    /// <summary>A change_cipher_spec record before the first ClientHello or after Finished.</summary>
    MisplacedChangeCipherSpec,

    /// <summary>Too many change_cipher_spec records.</summary>
    TooManyChangeCipherSpecs,

    /// <summary>More refused early data than this side skips.</summary>
    TooMuchEarlyData,

    /// <summary>The write sequence number would wrap.</summary>
    SequenceExhausted,

    // Alerts.

    /// <summary>An alert record that is not exactly one alert.</summary>
    MalformedAlert,

    /// <summary>Too many alerts that do not end the connection.</summary>
    TooManyWarnings,

    /// <summary>The peer sent a fatal alert.</summary>
    PeerAlert,

    /// <summary>The peer sent close_notify before the handshake was done.</summary>
    ClosedDuringHandshake,

    // Handshake framing.

    /// <summary>A handshake message that has no place here.</summary>
    UnexpectedHandshakeMessage,

    /// <summary>Another record between the fragments of a handshake message.</summary>
    InterleavedHandshake,

    /// <summary>Bytes after a handshake message that must end its record.</summary>
    ExcessHandshakeData,

    /// <summary>A handshake message longer than this side takes.</summary>
    HandshakeMessageTooLarge,

    // ClientHello.

    /// <summary>A ClientHello that does not parse.</summary>
    MalformedClientHello,

    /// <summary>An extension block that does not parse.</summary>
    MalformedExtensions,

    /// <summary>A supported_versions extension that does not parse.</summary>
    MalformedSupportedVersions,

    /// <summary>A supported_groups extension that does not parse.</summary>
    MalformedSupportedGroups,

    /// <summary>A key_share extension that does not parse.</summary>
    MalformedKeyShare,

    /// <summary>A psk_key_exchange_modes extension that does not parse.</summary>
    MalformedPskKeyExchangeModes,

    /// <summary>A pre_shared_key extension that does not parse.</summary>
    MalformedPreSharedKey,

    /// <summary>A record_size_limit extension that does not parse.</summary>
    MalformedRecordSizeLimit,

    /// <summary>An ALPN extension that does not parse.</summary>
    MalformedApplicationProtocols,

    /// <summary>An early_data extension that is not empty.</summary>
    MalformedEarlyData,

    /// <summary>A cookie extension that does not parse.</summary>
    MalformedCookie,

    /// <summary>A server's answer to server_name that is not empty.</summary>
    MalformedServerName,

    /// <summary>The same extension twice.</summary>
    DuplicateExtension,

    /// <summary>legacy_version is SSL 3.0 or older.</summary>
    LegacyVersionTooOld,

    /// <summary>TLS 1.3 is not among the offered versions.</summary>
    NoCommonVersion,

    /// <summary>legacy_compression_methods is not the single byte 0.</summary>
    BadCompressionMethods,

    /// <summary>pre_shared_key is not the last extension.</summary>
    PreSharedKeyNotLast,

    /// <summary>The numbers of identities and binders differ.</summary>
    BinderCountMismatch,

    /// <summary>No PSK is offered; the client wants a certificate.</summary>
    NoPskOffered,

    /// <summary>Neither pre_shared_key nor what a certificate handshake must carry.</summary>
    MandatoryExtensionMissing,

    /// <summary>pre_shared_key without psk_key_exchange_modes.</summary>
    PskKeyExchangeModesMissing,

    /// <summary>supported_groups without key_share.</summary>
    KeyShareMissing,

    /// <summary>key_share without supported_groups.</summary>
    SupportedGroupsMissing,

    /// <summary>Two shares of one group.</summary>
    DuplicateKeyShare,

    /// <summary>A share of a group that supported_groups does not name.</summary>
    KeyShareOfUnofferedGroup,

    /// <summary>A key share that is no valid public key.</summary>
    InvalidKeyShare,

    /// <summary>record_size_limit below 64.</summary>
    RecordSizeLimitTooSmall,

    /// <summary>record_size_limit above what the version allows.</summary>
    RecordSizeLimitTooLarge,

    /// <summary>No common cipher suite, or none of the PSK's hash.</summary>
    NoCommonCipherSuite,

    /// <summary>No common PSK key exchange mode.</summary>
    NoCommonKeyExchangeMode,

    /// <summary>No common group.</summary>
    NoCommonGroup,

    /// <summary>No common application protocol.</summary>
    NoCommonApplicationProtocol,

    /// <summary>None of the offered identities is usable.</summary>
    NoUsablePsk,

    /// <summary>The binder does not verify.</summary>
    BinderMismatch,

    /// <summary>The second ClientHello differs where it must not.</summary>
    SecondHelloChanged,

    /// <summary>The second ClientHello does not carry exactly the requested share.</summary>
    SecondHelloWrongKeyShare,

    /// <summary>The second ClientHello dropped the selected PSK.</summary>
    SecondHelloWithoutPsk,

    /// <summary>The second ClientHello has no pre_shared_key.</summary>
    SecondHelloWithoutPreSharedKey,

    /// <summary>early_data in the second ClientHello.</summary>
    EarlyDataAfterRetry,

    // Finished and after.

    /// <summary>A Finished of the wrong length.</summary>
    MalformedFinished,

    /// <summary>Finished does not verify.</summary>
    FinishedMismatch,

    /// <summary>A KeyUpdate of the wrong length.</summary>
    MalformedKeyUpdate,

    /// <summary>A KeyUpdate whose request_update is neither 0 nor 1.</summary>
    BadKeyUpdateRequest,

    /// <summary>Too many KeyUpdates without data between them.</summary>
    TooManyKeyUpdates,

    /// <summary>Too many NewSessionTickets without data between them.</summary>
    TooManyTickets,

    /// <summary>A NewSessionTicket that does not parse.</summary>
    MalformedNewSessionTicket,

    // What a server answers.

    /// <summary>A ServerHello that does not parse.</summary>
    MalformedServerHello,

    /// <summary>An EncryptedExtensions that does not parse.</summary>
    MalformedEncryptedExtensions,

    /// <summary>The server selected a version that was not offered.</summary>
    SelectedUnofferedVersion,

    /// <summary>The server answered with an older version.</summary>
    ServerTooOld,

    /// <summary>The server speaks an older version although it knows this one: somebody interfered.</summary>
    DowngradeDetected,

    /// <summary>legacy_session_id_echo is not what was sent.</summary>
    BadSessionIdEcho,

    /// <summary>The server selected a suite that was not offered.</summary>
    SelectedUnofferedCipherSuite,

    /// <summary>The server selected a group that was not offered.</summary>
    SelectedUnofferedGroup,

    /// <summary>The server selected a PSK that was not offered.</summary>
    SelectedUnofferedPsk,

    /// <summary>The server selected a PSK and a suite of another hash.</summary>
    SelectedPskOfOtherHash,

    /// <summary>The server selected a key exchange mode that was not offered.</summary>
    SelectedUnofferedKeyExchangeMode,

    /// <summary>The server selected an application protocol that was not offered.</summary>
    SelectedUnofferedApplicationProtocol,

    /// <summary>The server did not take a PSK.</summary>
    ServerIgnoredPsk,

    /// <summary>An extension that was not asked for.</summary>
    UnsolicitedExtension,

    /// <summary>A known extension in a message it does not belong to.</summary>
    MisplacedExtension,

    /// <summary>A HelloRetryRequest that changes nothing.</summary>
    RetryWithoutChange,

    /// <summary>A second HelloRetryRequest.</summary>
    SecondRetryRequest,

    /// <summary>The ServerHello contradicts the HelloRetryRequest.</summary>
    SelectionChangedAfterRetry,

    // TLS 1.2.

    /// <summary>extended_master_secret is missing.</summary>
    ExtendedMasterSecretMissing,

    /// <summary>An extended_master_secret extension that is not empty.</summary>
    MalformedExtendedMasterSecret,

    /// <summary>A renegotiation_info extension that does not parse.</summary>
    MalformedRenegotiationInfo,

    /// <summary>renegotiation_info speaks of an earlier handshake, and there is none.</summary>
    BadRenegotiationInfo,

    /// <summary>The server did not answer renegotiation_info.</summary>
    RenegotiationInfoMissing,

    /// <summary>A max_fragment_length extension that does not parse.</summary>
    MalformedMaxFragmentLength,

    /// <summary>max_fragment_length names no length, or not the one that was asked for.</summary>
    BadMaxFragmentLength,

    /// <summary>The server answered max_fragment_length and record_size_limit.</summary>
    TwoRecordLimits,

    /// <summary>An ec_point_formats extension that does not parse.</summary>
    MalformedPointFormats,

    /// <summary>ec_point_formats without the uncompressed form.</summary>
    UncompressedPointsMissing,

    /// <summary>The client says that this is its second try with an older version, but this side speaks TLS 1.3.</summary>
    InappropriateFallback,

    /// <summary>A ServerKeyExchange that does not parse.</summary>
    MalformedServerKeyExchange,

    /// <summary>A ServerHelloDone that is not empty.</summary>
    MalformedServerHelloDone,

    /// <summary>A ClientKeyExchange that does not parse.</summary>
    MalformedClientKeyExchange,

    /// <summary>An alert whose level is neither warning nor fatal.</summary>
    BadAlertLevel,

    /// <summary>Too many requests for a renegotiation without data between them.</summary>
    TooManyRenegotiations,

    // DTLS.

    /// <summary>A HelloVerifyRequest that does not parse.</summary>
    MalformedHelloVerifyRequest,

    /// <summary>The server asks for a cookie again and again.</summary>
    TooManyHelloVerifyRequests,

    /// <summary>A connection_id extension that does not parse, or an id too long for the datagrams of this side.</summary>
    MalformedConnectionId,

    /// <summary>The flight was repeated as often as allowed, and the peer did not answer.</summary>
    HandshakeTimedOut,

    /// <summary>So many records did not authenticate that the key is no longer safe.</summary>
    TooManyForgedRecords,

    // This side.

    /// <summary>The cryptographic library failed.</summary>
    CryptoFailure,

    /// <summary>The owner could not decide about the offered PSKs.</summary>
    PskLookupFailed,
}
