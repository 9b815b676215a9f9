namespace IotPsk.Tls;

/// <summary>How a PSK is used (RFC 8446 s4.2.9).</summary>
public enum PskKeyExchangeMode : byte
{
    /// <summary>PSK alone: no forward secrecy.</summary>
    PskKe = 0,

    /// <summary>PSK with (EC)DHE.</summary>
    PskDheKe = 1,
}
