namespace IotPsk.Tls.Tickets;

/// <summary>A client's state that has tickets for the owner.</summary>
internal interface ITicketHolder
{
    /// <summary>The oldest ticket; the caller disposes it.</summary>
    PskTlsTicket? TakeTicket();
}
