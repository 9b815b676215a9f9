using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Handshake;

/// <summary>The connection failed: nothing is awaited any more.</summary>
internal sealed class Over : HandshakeState
{
    public static Over Instance { get; } = new();

    public override PskTlsStatus Waits => PskTlsStatus.Closed;

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override void Dispose()
    {
    }
}
