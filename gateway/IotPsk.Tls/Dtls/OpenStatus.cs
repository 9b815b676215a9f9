namespace IotPsk.Tls.Dtls;

/// <summary>What came of a protected record.</summary>
internal enum OpenStatus
{
    /// <summary>It is authentic.</summary>
    Opened,

    /// <summary>It is not for this association, not new, or not authentic (RFC 6347 s4.1.2.7).</summary>
    Dropped,

    /// <summary>The caller's buffer cannot hold its content.</summary>
    DestinationTooSmall,

    /// <summary>It is one forgery too many.</summary>
    KeyInDanger,
}
