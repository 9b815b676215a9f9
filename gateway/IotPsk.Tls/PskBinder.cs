namespace IotPsk.Tls;

/// <summary>The label of a PSK's binder: it says where the PSK comes from.</summary>
public enum PskBinder
{
    /// <summary>"ext binder": a PSK from outside TLS (RFC 8446 s7.1).</summary>
    External,

    /// <summary>"imp binder": an imported PSK (RFC 9258 s5.2).</summary>
    Imported,

    /// <summary>"res binder": a PSK from a ticket (RFC 8446 s7.1).</summary>
    Resumption,
}
