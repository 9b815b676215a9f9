using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Handshake;

/// <summary>
/// A connection waits for exactly one thing at a time; each thing is a type of its own, and a step returns the state after it.
/// A state that returns another one is disposed; what it hands over it no longer owns.
/// </summary>
internal abstract class HandshakeState : IMessageLimits, IDisposable
{
    /// <summary>What the state waits for.</summary>
    public virtual PskTlsStatus Waits => PskTlsStatus.NeedMoreData;

    /// <summary>True if <see cref="Continue"/> can go on without input.</summary>
    public virtual bool CanContinue => false;

    /// <summary>Goes on without input.</summary>
    public virtual HandshakeState Continue(RecordLayer records, out TlsErrorReason error) => throw new InvalidOperationException("the state waits for input");

    public abstract int MaxBodyLength(HandshakeType type);

    /// <summary>Takes a message whose type and length <see cref="MaxBodyLength"/> allowed.</summary>
    public abstract HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error);

    /// <summary>Takes a change_cipher_spec of TLS 1.2 (RFC 5246 s7.1), which has exactly one place in a handshake.</summary>
    public virtual HandshakeState ReceiveChangeCipherSpec(RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.MisplacedChangeCipherSpec;
        return this;
    }

    /// <summary>The connection failed: what others keep of it goes.</summary>
    public virtual void Forget()
    {
    }

    public abstract void Dispose();
}
