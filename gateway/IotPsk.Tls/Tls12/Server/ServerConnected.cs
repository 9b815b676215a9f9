using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>A client that proved to know its PSK and to have seen the same handshake.</summary>
internal sealed class ServerConnected(FinishedVerified verified, Tls12Handshake handshake, RecordLayer records, int ticketsIssued)
    : Tls12Connected(verified, handshake, records, ticketsIssued)
{
    private readonly ISessionCache? _cache = handshake.Cache;
    private readonly byte[] _cachedSessionId = handshake.CachedSessionId;

    protected override HandshakeType RenegotiationRequest => HandshakeType.ClientHello;

    /// <summary>RFC 5246 s7.2.2: the session of a failed connection is not resumed.</summary>
    public override void Forget()
    {
        if (_cachedSessionId.Length > 0)
            _cache?.Remove(_cachedSessionId);
    }

    protected override int MaxRequestLength => ExpectClientHello.MaxLength;
}
