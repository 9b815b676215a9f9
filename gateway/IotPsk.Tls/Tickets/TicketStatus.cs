namespace IotPsk.Tls;

/// <summary>What <see cref="PskTlsServer.OpenTicket"/> found. Whatever is not <see cref="Good"/> is skipped: the next identity may be usable.</summary>
public enum TicketStatus
{
    /// <summary>A ticket of this server that fits the handshake; its payload is for the owner to judge.</summary>
    Good,

    /// <summary>An identity from outside, or tickets are off.</summary>
    NotATicket,

    /// <summary>No key has the name it carries.</summary>
    UnknownKey,

    /// <summary>It does not authenticate under the key it names.</summary>
    NotAuthentic,

    /// <summary>Its lifetime is over, or it was made in the future.</summary>
    Expired,

    /// <summary>The external PSK at the start of the chain was used too long ago.</summary>
    ChainExpired,

    /// <summary>It was made in a session of another protocol version or key exchange mode.</summary>
    OtherMode,

    /// <summary>The client offers no accepted cipher suite of its hash.</summary>
    NoCipherSuite,
}
