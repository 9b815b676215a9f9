using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tls12;

/// <summary>What the states of one TLS 1.2 handshake hand on to each other, at either end: transcript, randoms, secrets, and what is agreed.</summary>
internal sealed class Tls12Handshake : IDisposable
{
    public const int RandomLength = ClientHello.RandomLength;

    private readonly byte[] _randoms = new byte[2 * RandomLength];

    public Tls12Handshake(CryptoProvider crypto, Tls12Suite suite)
    {
        Crypto = crypto;
        Suite = suite;
        Transcript = crypto.CreateTranscript(Tls12Suite.Hash);
    }

    public CryptoProvider Crypto { get; }

    /// <summary>TLS 1.2, or DTLS 1.2, which shares everything here but the form of transcript and records.</summary>
    public TlsProtocol Protocol { get; init; } = TlsProtocol.Tls12;

    public Tls12Suite Suite { get; }

    public TranscriptHash Transcript { get; }

    /// <summary>Both, the client's first.</summary>
    public ReadOnlySpan<byte> Randoms => _randoms;

    public Span<byte> ClientRandom => _randoms.AsSpan(0, RandomLength);

    public Span<byte> ServerRandom => _randoms.AsSpan(RandomLength);

    public bool UsesEcdhe => Suite.Mode == PskKeyExchangeMode.PskDheKe;

    /// <summary>The group of ECDHE_PSK.</summary>
    public NamedGroup Group { get; set; }

    /// <summary>The own key of ECDHE_PSK.</summary>
    public KeyAgreement? Key { get; set; }

    public bool ExtendedMasterSecret { get; set; }

    public ReadOnlyMemory<byte> ApplicationProtocol { get; set; }

    /// <summary>The session was made in an earlier connection.</summary>
    public bool IsResumed { get; set; }

    /// <summary>What the owner said beside the key.</summary>
    public PskTerms Terms { get; set; }

    /// <summary>The owner's, if there is one.</summary>
    public ISessionCache? Cache { get; init; }

    /// <summary>The id under which the server has the session; empty if it has not.</summary>
    public byte[] CachedSessionId { get; set; } = [];

    /// <summary>A client that keeps what lets it resume the session.</summary>
    public bool WantsTicket { get; init; }

    /// <summary>What NewSessionTicket brought.</summary>
    public byte[] NewTicket { get; set; } = [];

    /// <summary>In seconds; 0 says nothing.</summary>
    public uint NewTicketLifetime { get; set; }

    /// <summary>The server announced a NewSessionTicket.</summary>
    public bool AwaitsTicket { get; set; }

    public Action<string>? KeyLog { get; init; }

    public MasterSecret? Master { get; private set; }

    /// <summary>Binds the session to the PSK; the transcript ends with ClientKeyExchange.</summary>
    public void DeriveMaster(ReadOnlySpan<byte> psk, ReadOnlySpan<byte> shared)
    {
        Span<byte> hash = stackalloc byte[Tls12Suite.Hash.Length()];
        Transcript.Snapshot(hash);
        SetMaster(MasterSecret.Derive(Crypto, psk, shared, ExtendedMasterSecret ? hash : default, _randoms));
    }

    public void SetMaster(MasterSecret master)
    {
        Master = master;
        KeyLogLine.Write(KeyLog, "CLIENT_RANDOM", ClientRandom, master.Bytes);
    }

    /// <summary>The keys of both directions, to be used from the change_cipher_spec of each.</summary>
    public (Tls12Protection Client, Tls12Protection Server) DeriveKeys()
    {
        Span<byte> block = stackalloc byte[Tls12Suite.MaxKeyBlockLength];
        int keys = Suite.KeyLength, ivs = Suite.FixedIvLength;
        block = block[..(2 * (keys + ivs))];
        Master!.ExpandKeyBlock(_randoms, block);
        ReadOnlySpan<byte> fixedIvs = block[(2 * keys)..];
        var client = new Tls12Protection(Crypto, Suite, block[..keys], fixedIvs[..ivs]);
        var server = new Tls12Protection(Crypto, Suite, block.Slice(keys, keys), fixedIvs[ivs..]);
        CryptographicOperations.ZeroMemory(block);
        return (client, server);
    }

    /// <summary>change_cipher_spec and Finished of this side, under its new keys.</summary>
    /// <returns>False if the message could not be queued.</returns>
    public bool TrySendFinished(bool ofClient, Tls12Protection keys, RecordLayer records)
    {
        Span<byte> buffer = stackalloc byte[HandshakeMessage.HeaderLength + MasterSecret.VerifyDataLength];
        var writer = new WireWriter(buffer);
        WireWriter.Mark finished = writer.BeginMessage(HandshakeType.Finished);
        ComputeFinished(ofClient, writer.Reserve(MasterSecret.VerifyDataLength));
        writer.EndVector(finished);
        Transcript.Append(writer.Written);
        records.WriteChangeCipherSpec();
        records.ProtectWrites(keys);
        return records.TryWriteHandshake(writer.Written);
    }

    /// <summary>Checks the peer's Finished and takes it into the transcript; null, and why, if it is not right.</summary>
    public FinishedVerified? CheckFinished(bool ofClient, in HandshakeMessage message, out TlsErrorReason error)
    {
        FinishedVerified? verified = VerifyFinished(ofClient, message, out error);
        Transcript.Append(message.Bytes);
        return verified;
    }

    /// <summary>Checks the peer's Finished, which is not yet in the transcript; null, and why, if it is not right.</summary>
    public FinishedVerified? VerifyFinished(bool ofClient, in HandshakeMessage message, out TlsErrorReason error)
    {
        error = TlsErrorReason.None;
        if (message.Body.Length != MasterSecret.VerifyDataLength)
        {
            error = TlsErrorReason.MalformedFinished;
            return null;
        }

        Span<byte> expected = stackalloc byte[MasterSecret.VerifyDataLength];
        ComputeFinished(ofClient, expected);

        // RFC 5246 s7.4.9, s7.2.2: a wrong Finished is a decrypt_error.
        FinishedVerified? verified = FinishedVerified.Check(expected, message.Body);
        if (verified is null)
            error = TlsErrorReason.FinishedMismatch;
        return verified;
    }

    public void Dispose()
    {
        Transcript.Dispose();
        Key?.Dispose();
        Master?.Dispose();
    }

    /// <summary>The master secret goes to the connection.</summary>
    public MasterSecret TakeMaster()
    {
        MasterSecret master = Master ?? throw new InvalidOperationException("there is no master secret");
        Master = null;
        return master;
    }

    public void ComputeFinished(bool ofClient, Span<byte> verifyData)
    {
        Span<byte> hash = stackalloc byte[Tls12Suite.Hash.Length()];
        Transcript.Snapshot(hash);
        Master!.ComputeFinished(ofClient, hash, verifyData);
    }
}
