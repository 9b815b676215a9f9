namespace IotPsk.Tls;

/// <summary>What one call of a <see cref="PskTlsConnection"/> achieved.</summary>
public enum PskTlsStatus
{
    /// <summary>The call did what it was asked for; in a handshake: connected.</summary>
    Complete,

    /// <summary>No whole record is left in the source: call again with the unconsumed bytes and more.</summary>
    NeedMoreData,

    /// <summary>Output is left over: send what was written and call again with room.</summary>
    DestinationTooSmall,

    /// <summary>The server waits for <see cref="PskTlsServer.ProvidePsk(int, ReadOnlySpan{byte}, PskBinder, TlsHash)"/> or <see cref="PskTlsServer.RejectPsk"/>.</summary>
    NeedsPsk,

    /// <summary>The connection is over: <see cref="PskTlsConnection.Error"/> says why, null after a close_notify.</summary>
    Closed,
}
