using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12;

/// <summary>Both Finished messages are verified. What may come between data is a request for a renegotiation, which is declined.</summary>
internal abstract class Tls12Connected : Connected
{
    private readonly MasterSecret _master;
    private readonly byte[] _randoms;

    /// <param name="verified">Data is trusted only from a peer that passed.</param>
    /// <param name="handshake">At its end; gives the master secret away.</param>
    /// <param name="records">The keys are set already.</param>
    /// <param name="ticketsIssued">How many tickets this side sent.</param>
    protected Tls12Connected(FinishedVerified verified, Tls12Handshake handshake, RecordLayer records, int ticketsIssued = 0)
        : base(verified, Tls12Suite.Hash)
    {
        _master = handshake.TakeMaster();
        _randoms = handshake.Randoms.ToArray();
        records.EndHandshake();
        Session = new PskTlsSession
        {
            Version = TlsProtocol.Tls12,
            CipherSuite = handshake.Suite.Suite,
            KeyExchangeMode = handshake.Suite.Mode,
            Group = handshake.Group,
            Binder = handshake.IsResumed ? PskBinder.Resumption : PskBinder.External,
            HandshakeBytesReceived = records.HandshakeBytesReceived,
            HandshakeBytesSent = records.HandshakeBytesSent,
            PeerRecordSizeLimit = records.MaxContentSent,
            TicketsIssued = ticketsIssued,
            HasExtendedMasterSecret = handshake.ExtendedMasterSecret,
            ApplicationProtocol = handshake.ApplicationProtocol,
        };
    }

    public override PskTlsSession Session { get; }

    protected ReadOnlySpan<byte> Master => _master.Bytes;

    /// <summary>The message by which the peer asks for a renegotiation.</summary>
    protected abstract HandshakeType RenegotiationRequest { get; }

    /// <summary>The longest body of it.</summary>
    protected abstract int MaxRequestLength { get; }

    public override int MaxBodyLength(HandshakeType type) => type == RenegotiationRequest ? MaxRequestLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        // RFC 5246 s7.2.2, RFC 5746 s5: declined by a warning; the peer decides whether it goes on without.
        if (IsOneTooMany(records))
            error = TlsErrorReason.TooManyRenegotiations;
        else
            error = records.TryWriteAlert(AlertDescription.NoRenegotiation) ? TlsErrorReason.None : TlsErrorReason.SequenceExhausted;
        return this;
    }

    /// <summary>RFC 5705 s4. Without extended_master_secret two connections could be made to share what is exported (RFC 7627 s6.2).</summary>
    public override void Export(CryptoProvider crypto, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        if (!Session.HasExtendedMasterSecret)
            throw new InvalidOperationException("a session without extended_master_secret exports no keys");
        if (context.Length > ushort.MaxValue)
            throw new ArgumentException("the context of an exporter has at most 65535 bytes", nameof(context));
        _master.Export(crypto, label, _randoms, context, destination);
        crypto.Wipe();
    }

    public override void Dispose()
    {
        base.Dispose();
        _master.Dispose();
    }
}
