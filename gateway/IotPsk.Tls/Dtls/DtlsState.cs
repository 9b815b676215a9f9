using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;

namespace IotPsk.Tls.Dtls;

/// <summary>
/// A handshake waits for exactly one thing at a time; each thing is a type of its own, and a step returns the state after it.
/// A state that returns another one is disposed; what it hands over it no longer owns.
/// </summary>
internal abstract class DtlsState : IMessageLimits, IDisposable
{
    /// <summary>The owner's part, if the state waits for it.</summary>
    public virtual IPskQuestion? Question => null;

    /// <summary>True if <see cref="Continue"/> can go on without input.</summary>
    public virtual bool CanContinue => false;

    /// <summary>Goes on without input.</summary>
    public virtual DtlsState Continue(DtlsHandshake records, out TlsErrorReason error) => throw new InvalidOperationException("the state waits for input");

    public abstract int MaxBodyLength(HandshakeType type);

    /// <summary>Takes the next message, whose type and length <see cref="MaxBodyLength"/> allowed.</summary>
    public virtual DtlsState Receive(in HandshakeMessage message, DtlsHandshake records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public abstract void Dispose();
}
