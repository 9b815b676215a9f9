using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12.Client;

/// <summary>A server that proved to know the PSK and to have seen the same handshake.</summary>
internal sealed class ClientConnected(FinishedVerified verified, Tls12Handshake handshake, RecordLayer records) : Tls12Connected(verified, handshake, records)
{
    /// <summary>HelloRequest (RFC 5246 s7.4.1.1).</summary>
    protected override HandshakeType RenegotiationRequest => HandshakeType.HelloRequest;

    protected override int MaxRequestLength => 0;
}
