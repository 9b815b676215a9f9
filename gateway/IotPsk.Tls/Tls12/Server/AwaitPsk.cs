using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Server;

namespace IotPsk.Tls.Tls12.Server;

/// <summary>ClientKeyExchange named a PSK; the owner looks it up. A state, so that no thread waits for it.</summary>
internal sealed class AwaitPsk(Tls12Handshake handshake, ReadOnlySpan<byte> identity, SecretBuffer? shared, SessionIssue? issue) : HandshakeState, IPskQuestion
{
    /// <summary>The length of the PSK that stands in for one that is not known.</summary>
    private const int RandomPskLength = 32;

    private readonly byte[] _identity = identity.ToArray();
    private Tls12Handshake? _handshake = handshake;
    private SecretBuffer? _psk;
    private bool _failed;

    public override PskTlsStatus Waits => PskTlsStatus.NeedsPsk;

    public override bool CanContinue => _psk is not null || _failed;

    public TlsProtocol Protocol => _handshake!.Protocol;

    /// <summary>RFC 4279 s2: one.</summary>
    public int IdentityCount => 1;

    public ReadOnlySpan<byte> ClientRandom => _handshake!.ClientRandom;

    public ReadOnlySpan<byte> ServerRandom => _handshake!.ServerRandom;

    public ReadOnlySpan<byte> Identity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(index, 0);
        return _identity;
    }

    /// <summary>A key of TLS 1.2 has no hash: it goes with every suite.</summary>
    public bool HasCipherSuite(TlsHash hash, CryptoProvider crypto) => true;

    /// <summary>A ticket of TLS 1.2 comes in the hello, never here.</summary>
    public TicketStatus OpenTicket(int index, long now, CryptoProvider crypto, out SessionTicket? ticket)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(index, 0);
        ticket = null;
        return TicketStatus.NotATicket;
    }

    public void Provide(int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, long chainStart)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(index, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(psk.Length, ushort.MaxValue, nameof(psk));

        // RFC 9258 s5.1: nothing is imported for TLS 1.2. It is the client that chose the version, so this is no fault of the owner.
        if (binder != PskBinder.External)
        {
            Reject();
            return;
        }

        Require();
        _psk = new SecretBuffer(psk);
        _handshake!.Terms = terms;
    }

    /// <summary>RFC 4279 s2 allows to go on with a random key: who guesses identities learns nothing, and the handshake fails by itself.</summary>
    public void Reject()
    {
        Require();
        var psk = new SecretBuffer(RandomPskLength);
        _handshake!.Crypto.FillRandom(psk.Span);
        _psk = psk;
    }

    public void Fail()
    {
        Require();
        _failed = true;
    }

    public override int MaxBodyLength(HandshakeType type) => -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        error = TlsErrorReason.UnexpectedHandshakeMessage;
        return this;
    }

    public override HandshakeState Continue(RecordLayer records, out TlsErrorReason error)
    {
        Tls12Handshake? answered = TakeAnswered(out error);
        return answered is null ? this : new ExpectChangeCipherSpec(answered, issue);
    }

    /// <summary>The handshake with the master secret that follows from the answer; null, and why, if the lookup failed.</summary>
    public Tls12Handshake? TakeAnswered(out TlsErrorReason error)
    {
        error = _failed ? TlsErrorReason.PskLookupFailed : TlsErrorReason.None;
        if (_failed)
            return null;
        _handshake!.DeriveMaster(_psk!.Span, shared is null ? default : shared.Span);
        return HandshakeSecrets.Take(ref _handshake);
    }

    public override void Dispose()
    {
        _handshake?.Dispose();
        _psk?.Dispose();
        shared?.Dispose();
    }

    private void Require()
    {
        if (CanContinue)
            throw new InvalidOperationException("the PSK request is answered already");
    }
}
