namespace IotPsk.Tls;

/// <summary>Whose fault a <see cref="TlsError"/> is.</summary>
public enum TlsErrorKind
{
    /// <summary>The peer broke a rule of the protocol.</summary>
    PeerMisbehaved,

    /// <summary>The peer kept the rules, but the two ends have nothing in common, or the peer gave up.</summary>
    PeerIncompatible,

    /// <summary>A message could not be decoded.</summary>
    Decode,

    /// <summary>Something failed on this side.</summary>
    LocalFault,

    /// <summary>The caller broke the contract of the API.</summary>
    ApiMisuse,
}
