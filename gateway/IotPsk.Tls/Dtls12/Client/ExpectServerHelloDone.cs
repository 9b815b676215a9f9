using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Dtls12.Client;

/// <summary>The server has said all; the client's whole flight answers it.</summary>
internal sealed class ExpectServerHelloDone(Tls12Handshake handshake, PskTlsCredential credential, SecretBuffer? shared) : DtlsState
{
    private Tls12Handshake? _handshake = handshake;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ServerHelloDone ? Tls12.Client.ExpectServerHelloDone.MaxLength : -1;

    public override DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        error = message.Body.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedServerHelloDone;
        if (error != TlsErrorReason.None)
            return this;
        Tls12Handshake handshake = HandshakeSecrets.Take(ref _handshake);
        records.Append(handshake.Transcript, message);
        byte[] buffer = new byte[HandshakeMessage.HeaderLength + sizeof(ushort) + credential.Identity.Length + 1 + KeyAgreement.MaxPublicKeyLength];
        var writer = new WireWriter(buffer);
        ClientKeyExchange.Write(ref writer, credential.Identity, handshake.Key);
        records.BeginFlight();
        records.Send(writer.Written, handshake.Transcript);
        handshake.DeriveMaster(credential.Key, shared is null ? default : shared.Span);
        records.InstallKeys(handshake, isServer: false);
        records.SendFinished(handshake, ofClient: true);
        return handshake.AwaitsTicket ? new ExpectNewSessionTicket(handshake) : new ExpectServerFinished(handshake);
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        shared?.Dispose();
    }
}
