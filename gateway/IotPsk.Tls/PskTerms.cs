namespace IotPsk.Tls;

/// <summary>What the owner says about a session beside its key. The default: no tickets, keys are updated.</summary>
public readonly record struct PskTerms
{
    /// <summary>The most bytes of <see cref="TicketPayload"/>.</summary>
    public const int MaxTicketPayloadLength = Tickets.TicketSeal.MaxPayloadLength;

    /// <summary>Sends tickets after the handshake, as <see cref="PskTlsServerOptions.Tickets"/> says; <see cref="Now"/> must be set.</summary>
    public bool IssueTickets { get; init; }

    /// <summary>The time by the server's clock, in seconds since 1970: the issue time of the tickets.</summary>
    public long Now { get; init; }

    /// <summary>
    /// What the tickets carry for the owner, sealed: who the client is and what its registration was, 0..512 bytes. Not copied: it does not
    /// change until the handshake is done.
    /// </summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    public ReadOnlyMemory<byte> TicketPayload
    {
        get;
        init => field = value.Length <= MaxTicketPayloadLength ? value : throw new ArgumentException($"a ticket carries at most {MaxTicketPayloadLength} bytes", nameof(value));
    }

    /// <summary>
    /// The peer cannot take a KeyUpdate (mbedTLS has none): when the keys are worn out, the connection ends with a close_notify instead.
    /// </summary>
    public bool CloseInsteadOfKeyUpdate { get; init; }
}
