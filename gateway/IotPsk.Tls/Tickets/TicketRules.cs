namespace IotPsk.Tls.Tickets;

/// <summary>How long a ticket is good. The client's obfuscated_ticket_age is ignored: devices have no clock.</summary>
internal static class TicketRules
{
    /// <summary>How far the clocks of servers that share keys may be apart, in seconds.</summary>
    private const int ClockSkew = 60;

    public static TicketStatus CheckAge(SessionTicket ticket, TicketOptions options, long now)
    {
        // Times come from this server's seal; the subtraction cannot overflow for times of this era, and wraps harmlessly for others.
        long age = unchecked(now - ticket.IssuedAt);
        if (age < -ClockSkew || age > options.LifetimeSeconds)
            return TicketStatus.Expired;
        long chain = unchecked(now - ticket.ChainStart);
        return chain < -ClockSkew || chain > options.ChainSeconds ? TicketStatus.ChainExpired : TicketStatus.Good;
    }

    /// <summary>The lifetime of a ticket made now, in seconds; 0 if the chain ends here.</summary>
    public static int Lifetime(TicketOptions options, long now, long chainStart) =>
        (int)Math.Clamp(options.ChainSeconds - unchecked(now - chainStart), 0, options.LifetimeSeconds);
}
