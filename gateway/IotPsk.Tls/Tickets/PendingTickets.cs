using System.Buffers.Binary;
using System.Security.Cryptography;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Schedule;
using IotPsk.Tls.Server;

namespace IotPsk.Tls.Tickets;

/// <summary>The tickets that follow the client's Finished (RFC 8446 s4.6.1).</summary>
internal sealed class PendingTickets(SecretBuffer resumptionSecret, TicketOptions options, Negotiation negotiation) : IDisposable
{
    /// <summary>Everything of a NewSessionTicket but the ticket, with its header.</summary>
    private const int MessageOverhead = HandshakeMessage.HeaderLength + 4 + 4 + 2 + 2 + 2;

    /// <summary>Queues the tickets.</summary>
    /// <returns>How many; none if the chain of resumptions ends here or the keys are gone.</returns>
    public int Issue(RecordLayer records)
    {
        long now = negotiation.Terms.Now;
        long chainStart = negotiation.Binder == PskBinder.Resumption ? negotiation.ChainStart : now;
        int lifetime = TicketRules.Lifetime(options, now, chainStart);
        int issued = 0;
        Span<byte> psk = stackalloc byte[resumptionSecret.Length];
        Span<byte> message = stackalloc byte[MessageOverhead + TicketSeal.MaxLength];
        Span<byte> ticket = stackalloc byte[TicketSeal.MaxLength];
        while (issued < options.Count && lifetime > 0)
        {
            // RFC 8446 s4.6.1: the nonce is unique among the tickets of a connection.
            byte nonce = (byte)issued;
            TlsHash hash = negotiation.Suite!.Hash;
            HkdfLabel.Expand(records.Crypto, hash, datagram: false, resumptionSecret.Span, "resumption"u8, [nonce], psk);
            int length = Seal(records.Crypto, psk, now, chainStart, hash, ticket);
            if (length == 0)
                break;
            var writer = new WireWriter(message);
            NewSessionTicket.Write(ref writer, lifetime, RandomAgeAdd(records.Crypto), nonce, ticket[..length]);
            if (!records.TryWriteHandshake(writer.Written))
                break;
            issued++;
        }

        CryptographicOperations.ZeroMemory(psk);
        return issued;
    }

    public void Dispose() => resumptionSecret.Dispose();

    /// <summary>RFC 8446 s4.6.1: ticket_age_add is fresh and random for each ticket.</summary>
    private static uint RandomAgeAdd(CryptoProvider crypto)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        crypto.FillRandom(bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private int Seal(CryptoProvider crypto, ReadOnlySpan<byte> psk, long now, long chainStart, TlsHash hash, Span<byte> destination)
    {
        using var contents = new SessionTicket(psk, negotiation.Terms.TicketPayload.Span)
        {
            IssuedAt = now,
            ChainStart = chainStart,
            Version = TlsProtocol.Tls13,
            KeyExchangeMode = negotiation.Mode,
            Hash = hash,
        };
        return TicketSeal.Seal(crypto, options.Keys, contents, destination);
    }
}
