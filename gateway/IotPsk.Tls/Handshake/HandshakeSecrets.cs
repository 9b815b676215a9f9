using System.Diagnostics.CodeAnalysis;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Handshake;

/// <summary>The key schedule and the transcript of one handshake: they are made, handed on and dropped together.</summary>
internal sealed class HandshakeSecrets : IDisposable
{
    public HandshakeSecrets(CryptoProvider crypto, TlsHash hash, ReadOnlySpan<byte> psk)
        : this(crypto, crypto.CreateTranscript(hash), psk)
    {
    }

    /// <summary>Takes over a transcript that has begun.</summary>
    public HandshakeSecrets(CryptoProvider crypto, TranscriptHash transcript, ReadOnlySpan<byte> psk)
    {
        Crypto = crypto;
        Transcript = transcript;
        Schedule = new KeySchedule(crypto, transcript.Hash, datagram: false, psk);
    }

    public CryptoProvider Crypto { get; }

    public TlsHash Hash => Schedule.Hash;

    public KeySchedule Schedule { get; }

    public TranscriptHash Transcript { get; }

    public void Dispose()
    {
        Schedule.Dispose();
        Transcript.Dispose();
    }

    /// <summary>Takes a field's value away from its owner.</summary>
    [return: NotNull]
    public static T Take<T>(ref T? field)
        where T : class
    {
        T value = field ?? throw new InvalidOperationException("the state has handed this on already");
        field = null;
        return value;
    }
}
