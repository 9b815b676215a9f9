using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Dtls12.Messages;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls;

/// <summary>
/// The front of a DTLS server: proves that a client receives at the address it sends from before anything is kept of it (RFC 6347 s4.2.1).
/// It allocates nothing for a datagram and asks for no key; its answer is shorter than the hello. One for each endpoint; any thread may call it.
/// </summary>
public sealed class HelloVerifier
{
    /// <summary>The longest address that <see cref="Verify"/> takes, in bytes.</summary>
    public const int MaxAddressLength = 32;

    /// <summary>The room that <see cref="Verify"/> needs for an answer, in bytes.</summary>
    public const int MaxAnswerLength = DtlsRecord.HeaderLength + FragmentHeader.Size + sizeof(ushort) + 1 + CookieLength;

    private const int CookieLength = 1 + MacLength;

    /// <summary>A guess succeeds once in 2^128.</summary>
    private const int MacLength = 16;

    private readonly CryptoProvider _crypto;
    private CookieSecrets? _secrets;

    /// <summary>A verifier with a random secret, which is renewed every 60 seconds; cookies of the one before are still taken.</summary>
    public HelloVerifier()
        : this(CryptoProvider.Default)
    {
    }

    internal HelloVerifier(CryptoProvider crypto) => _crypto = crypto;

    /// <summary>Judges a datagram from an address that is not known, by its first record alone.</summary>
    /// <param name="datagram">As it came.</param>
    /// <param name="address">Where it came from, address and port in any form, 0..32 bytes.</param>
    /// <param name="now">Milliseconds of a monotonic clock.</param>
    /// <param name="destination">Gets the answer; <see cref="MaxAnswerLength"/> bytes are enough.</param>
    /// <param name="written">Bytes to send if the verdict is <see cref="HelloVerdict.Answer"/>, else 0.</param>
    /// <exception cref="ArgumentException">The address is too long, or the destination too small.</exception>
    /// <exception cref="CryptographicException">The library failed.</exception>
    public HelloVerdict Verify(ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> address, long now, Span<byte> destination, out int written)
    {
        if (address.Length > MaxAddressLength)
            throw new ArgumentException($"an address has at most {MaxAddressLength} bytes", nameof(address));
        if (destination.Length < MaxAnswerLength)
            throw new ArgumentException($"an answer takes {MaxAnswerLength} bytes", nameof(destination));
        written = 0;
        if (!DtlsRecord.TryRead(datagram, 0, out DtlsRecord record) || record is not { Type: ContentType.Handshake, Epoch: 0 } ||
            !FragmentHeader.TryRead(record.Fragment, out FragmentHeader header) || header.Type != HandshakeType.ClientHello ||
            record.Sequence > PskDtlsConnection.MaxFirstRecord || header.Sequence > PskDtlsConnection.MaxFirstMessage)
            return HelloVerdict.Drop;

        // A later fragment proves nothing by itself, and nothing is kept until the first has come.
        if (header.Offset != 0 || !TryReadHello(record.Fragment.Slice(FragmentHeader.Size, header.Length), out ReadOnlySpan<byte> bound, out ReadOnlySpan<byte> cookie))
            return HelloVerdict.Drop;
        CookieSecrets secrets = Secrets(now);
        Span<byte> right = stackalloc byte[CookieLength];
        if (cookie.Length == CookieLength && TryMakeCookie(secrets, cookie[0], address, bound, right) && CryptographicOperations.FixedTimeEquals(right, cookie))
            return HelloVerdict.Accept;
        TryMakeCookie(secrets, secrets.Generation, address, bound, right);
        written = WriteRequest(record.Sequence, header.Sequence, right, destination);
        return HelloVerdict.Answer;
    }

    /// <summary>The part of a hello that the cookie is bound to: version, random and session id.</summary>
    private static bool TryReadHello(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> bound, out ReadOnlySpan<byte> cookie)
    {
        bound = cookie = default;
        var reader = new WireReader(body);
        if (!reader.TryReadBytes(sizeof(ushort) + ClientHello.RandomLength, out _) || !reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) ||
            sessionId.Length > ClientHello.MaxSessionIdLength || body[0] != 0xfe)
            return false;
        bound = body[..reader.Position];
        return reader.TryReadVector8(out cookie);
    }

    /// <summary>RFC 6347 s4.2.1: record and message carry the numbers of the hello's, so that nobody has to remember them.</summary>
    private static int WriteRequest(ulong recordSequence, ushort messageSequence, ReadOnlySpan<byte> cookie, Span<byte> destination)
    {
        int bodyLength = sizeof(ushort) + 1 + cookie.Length;
        int start = DtlsRecord.WriteHeader(destination, ContentType.Handshake, recordSequence, default, FragmentHeader.Size + bodyLength);

        // RFC 6347 s4.2.1: DTLS 1.0, so that clients which know no other take it.
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], 0xfeff);
        new FragmentHeader(HandshakeType.HelloVerifyRequest, bodyLength, messageSequence, 0, bodyLength).Write(destination[start..]);
        var writer = new WireWriter(destination[(start + FragmentHeader.Size)..]);
        HelloVerifyRequest.WriteBody(ref writer, cookie);
        return start + FragmentHeader.Size + writer.Position;
    }

    private CookieSecrets Secrets(long now)
    {
        CookieSecrets? secrets = Volatile.Read(ref _secrets);
        if (secrets is not null && !secrets.IsDue(now))
            return secrets;
        CookieSecrets renewed = secrets?.Renew(_crypto, now) ?? new CookieSecrets(_crypto, now);

        // Of two threads one wins, and both use its secrets.
        CookieSecrets? winner = Interlocked.CompareExchange(ref _secrets, renewed, secrets);
        return winner == secrets ? renewed : winner!;
    }

    /// <summary>Generation, then HMAC(secret, address + what is bound); false if the secret is gone.</summary>
    private bool TryMakeCookie(CookieSecrets secrets, byte generation, ReadOnlySpan<byte> address, ReadOnlySpan<byte> bound, Span<byte> cookie)
    {
        if (secrets.Find(generation) is not { } secret)
            return false;
        Span<byte> sender = stackalloc byte[1 + MaxAddressLength];
        Span<byte> mac = stackalloc byte[TlsHash.Sha256.Length()];
        sender[0] = (byte)address.Length;
        address.CopyTo(sender[1..]);
        _crypto.Hmac(TlsHash.Sha256, secret.Span, sender[..(1 + address.Length)], bound, mac);

        // Another thread may have dropped the secret meanwhile.
        GC.KeepAlive(secret);
        cookie[0] = generation;
        mac[..MacLength].CopyTo(cookie[1..]);
        return true;
    }
}
