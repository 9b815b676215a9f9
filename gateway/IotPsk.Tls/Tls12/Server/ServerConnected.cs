using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>A client that proved to know its PSK and to have seen the same handshake.</summary>
internal sealed class ServerConnected(FinishedVerified verified, Tls12Handshake handshake, RecordLayer records) : Tls12Connected(verified, handshake, records)
{
    protected override HandshakeType RenegotiationRequest => HandshakeType.ClientHello;

    protected override int MaxRequestLength => ExpectClientHello.MaxLength;
}
