using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Tickets;

/// <summary>
/// The form of a ticket: 0xff, format, key name, salt, then AES-256-GCM over the contents, with the bytes before them as associated data.
/// Key and nonce are made anew for each ticket from the salt, so no counter has to be shared by those who seal under one key.
/// </summary>
internal static class TicketSeal
{
    /// <summary>The most an owner may put into a ticket.</summary>
    public const int MaxPayloadLength = 512;

    /// <summary>The longest ticket.</summary>
    public const int MaxLength = HeaderLength + ContentsOverhead + TlsHashes.MaxLength + MaxPayloadLength + TagLength;

    /// <summary>
    /// RFC 9257 s6.1.2: a ticket is never mistaken for an external identity. No UTF-8 text holds this byte, and an imported identity that begins
    /// with it would be longer than a ClientHello.
    /// </summary>
    private const byte Marker = 0xff;

    private const byte Format = 1;
    private const int SaltLength = 16;
    private const int NameOffset = 2;
    private const int SaltOffset = NameOffset + TicketKey.NameLength;
    private const int HeaderLength = SaltOffset + SaltLength;
    private const int TagLength = 16;
    private const int KeyLength = 32;

    /// <summary>Two times, version, mode, hash, suite, and the lengths of key and payload.</summary>
    private const int ContentsOverhead = 8 + 8 + 2 + 1 + 1 + 2 + 1 + 2;

    public static bool IsTicket(ReadOnlySpan<byte> identity) => identity.Length > HeaderLength + TagLength && identity[0] == Marker && identity[1] == Format;

    /// <summary>Seals a ticket; 0 if there is no key any more.</summary>
    public static int Seal(CryptoProvider crypto, TicketKeys keys, SessionTicket contents, Span<byte> destination)
    {
        Span<byte> secret = stackalloc byte[TicketKey.SecretLength];
        destination[0] = Marker;
        destination[1] = Format;
        if (!keys.TryCopyCurrent(destination.Slice(NameOffset, TicketKey.NameLength), secret))
            return 0;
        crypto.FillRandom(destination.Slice(SaltOffset, SaltLength));
        Span<byte> keyAndNonce = stackalloc byte[KeyLength + CipherSuiteParameters.NonceLength];
        Span<byte> header = destination[..HeaderLength];
        DeriveKey(crypto, secret, header, keyAndNonce);
        int length = WriteContents(contents, destination[HeaderLength..]);
        crypto.Seal(
            new AeadKey(AeadAlgorithm.Aes256Gcm, AeadKey.SingleUse, keyAndNonce[..KeyLength]), keyAndNonce[KeyLength..], header,
            destination.Slice(HeaderLength, length), destination.Slice(HeaderLength + length, TagLength));
        crypto.Forget(AeadKey.SingleUse);
        CryptographicOperations.ZeroMemory(keyAndNonce);
        return HeaderLength + length + TagLength;
    }

    public static TicketStatus Open(CryptoProvider crypto, TicketKeys keys, ReadOnlySpan<byte> identity, out SessionTicket? ticket)
    {
        ticket = null;
        if (!IsTicket(identity))
            return TicketStatus.NotATicket;
        if (identity.Length > MaxLength)
            return TicketStatus.NotAuthentic;
        Span<byte> secret = stackalloc byte[TicketKey.SecretLength];
        if (!keys.TryCopy(identity.Slice(NameOffset, TicketKey.NameLength), secret))
            return TicketStatus.UnknownKey;
        Span<byte> keyAndNonce = stackalloc byte[KeyLength + CipherSuiteParameters.NonceLength];
        ReadOnlySpan<byte> header = identity[..HeaderLength];
        DeriveKey(crypto, secret, header, keyAndNonce);
        ReadOnlySpan<byte> ciphertext = identity[HeaderLength..^TagLength];
        Span<byte> contents = stackalloc byte[ciphertext.Length];
        bool authentic = crypto.Open(
            new AeadKey(AeadAlgorithm.Aes256Gcm, AeadKey.SingleUse, keyAndNonce[..KeyLength]), keyAndNonce[KeyLength..], header, ciphertext, identity[^TagLength..], contents);
        crypto.Forget(AeadKey.SingleUse);
        CryptographicOperations.ZeroMemory(keyAndNonce);
        if (authentic)
            ticket = ReadContents(contents);
        CryptographicOperations.ZeroMemory(contents);
        return ticket is null ? TicketStatus.NotAuthentic : TicketStatus.Good;
    }

    /// <summary>HKDF with the ticket's salt; forgets the secret.</summary>
    private static void DeriveKey(CryptoProvider crypto, Span<byte> secret, ReadOnlySpan<byte> header, Span<byte> keyAndNonce)
    {
        Span<byte> extracted = stackalloc byte[TlsHash.Sha256.Length()];
        crypto.Hmac(TlsHash.Sha256, header[SaltOffset..], secret, default, extracted);
        CryptographicOperations.ZeroMemory(secret);
        HkdfLabel.Expand(crypto, TlsHash.Sha256, datagram: false, extracted, "iotpsk ticket"u8, default, keyAndNonce);
        CryptographicOperations.ZeroMemory(extracted);
    }

    private static int WriteContents(SessionTicket ticket, Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.WriteUInt64((ulong)ticket.IssuedAt);
        writer.WriteUInt64((ulong)ticket.ChainStart);
        writer.WriteUInt16((ushort)ticket.Version);
        writer.WriteByte((byte)ticket.KeyExchangeMode);
        writer.WriteByte((byte)ticket.Hash);
        writer.WriteUInt16((ushort)ticket.CipherSuite);
        writer.WriteVector8(ticket.Psk);
        writer.WriteVector16(ticket.Payload);
        return writer.Position;
    }

    /// <summary>Null if the contents are not of this form: another program sealed them under the same key.</summary>
    private static SessionTicket? ReadContents(ReadOnlySpan<byte> contents)
    {
        var reader = new WireReader(contents);
        if (!reader.TryReadUInt64(out ulong issuedAt) || !reader.TryReadUInt64(out ulong chainStart) || !reader.TryReadUInt16(out ushort version) ||
            !reader.TryReadByte(out byte mode) || !reader.TryReadByte(out byte hash) || hash > (byte)TlsHash.Sha384 ||
            !reader.TryReadUInt16(out ushort suite) || !reader.TryReadVector8(out ReadOnlySpan<byte> psk) ||
            psk.Length != SecretLength((TlsProtocol)version, (TlsHash)hash) || !reader.TryReadVector16(out ReadOnlySpan<byte> payload) || !reader.IsEmpty)
            return null;
        return new SessionTicket(psk, payload)
        {
            IssuedAt = (long)issuedAt,
            ChainStart = (long)chainStart,
            Version = (TlsProtocol)version,
            KeyExchangeMode = (PskKeyExchangeMode)mode,
            Hash = (TlsHash)hash,
            CipherSuite = (CipherSuite)suite,
        };
    }

    private static int SecretLength(TlsProtocol version, TlsHash hash) => version is TlsProtocol.Tls12 or TlsProtocol.Dtls12 ? Tls12.MasterSecret.Length : hash.Length();
}
