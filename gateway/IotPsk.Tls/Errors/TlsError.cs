namespace IotPsk.Tls;

/// <summary>Why a connection ended.</summary>
/// <param name="Reason">The exact reason.</param>
public sealed record TlsError(TlsErrorReason Reason)
{
    /// <summary>Whose fault it is.</summary>
    public TlsErrorKind Kind => TlsErrorMap.Kind(Reason);

    /// <summary>The alert that was sent for it, or received if <see cref="SentByPeer"/>; null where none fits.</summary>
    public AlertDescription? Alert { get; private init; } = TlsErrorMap.Alert(Reason);

    /// <summary>True if <see cref="Alert"/> came from the peer.</summary>
    public bool SentByPeer { get; private init; }

    /// <summary>An alert of the peer that ends the connection.</summary>
    internal static TlsError FromPeer(AlertDescription alert) =>
        new(alert == AlertDescription.CloseNotify ? TlsErrorReason.ClosedDuringHandshake : TlsErrorReason.PeerAlert)
        {
            Alert = alert,
            SentByPeer = true,
        };

    /// <summary>One line for a log: what is wrong and which alert went which way.</summary>
    public override string ToString()
    {
        string text = TlsErrorMap.Text(Reason);
        if (Alert is not { } alert)
            return text;
        return SentByPeer ? $"{text} (received alert {alert})" : $"{text} (alert {alert})";
    }
}
