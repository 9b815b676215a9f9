using IotPsk.Net;

namespace IotPsk.Gateway.Serving;

/// <summary>The reason of a failed handshake in one word out of a bounded set: a label of the metrics.</summary>
internal static class FailureName
{
    internal static string Of(in HandshakeFailure failure) => failure switch
    {
        // The resolver's reasons begin with the name of an enumeration's member; identity or cause follow.
        { Reason: HandshakeFailureReason.Rejected or HandshakeFailureReason.ResolverFailed, Detail: { } detail } => Word(detail),
        { Error: { SentByPeer: true, Alert: { } alert } } => "PeerAlert" + alert,
        { Error: { } error } => error.Reason.ToString(),
        _ => failure.Reason.ToString(),
    };

    private static string Word(string detail)
    {
        int end = detail.AsSpan().IndexOfAny(',', ':', ' ');
        return end < 0 ? detail : detail[..end];
    }
}
