using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;
using IotPsk.Tls.Tests.Support;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Tests.Tickets;

public class TicketSealTests
{
    private static readonly CryptoProvider Crypto = CryptoProvider.Default;

    [Fact]
    public void The_key_of_a_ticket_is_that_of_RFC_8448()
    {
        byte[] psk = new byte[32];
        byte[] resumptionSecret = Convert.FromHexString("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");
        HkdfLabel.Expand(Crypto, TlsHash.Sha256, datagram: false, resumptionSecret, "resumption"u8, [0, 0], psk);
        Assert.Equal("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3", Convert.ToHexStringLower(psk));
    }

    [Fact]
    public void What_is_sealed_comes_back() => Prop.ForAll<byte[], long, long>((payload, issuedAt, chainStart) =>
    {
        byte bits = (byte)issuedAt;
        using var keys = new TicketKeys(TicketServer.Key(3));
        TlsHash hash = (TlsHash)(bits & 1);
        byte[] psk = new byte[hash.Length()];
        psk.AsSpan().Fill(bits);
        byte[] ticket = Seal(keys, psk, payload[..Math.Min(payload.Length, PskTerms.MaxTicketPayloadLength)], issuedAt, chainStart, (PskKeyExchangeMode)((bits >> 1) & 1), hash);
        if (TicketSeal.Open(Crypto, keys, ticket, out SessionTicket? opened) != TicketStatus.Good)
            return false;
        using SessionTicket good = opened!;
        return good.Psk.SequenceEqual(psk) && good.Payload.SequenceEqual(payload.AsSpan(0, good.Payload.Length)) && good.IssuedAt == issuedAt && good.ChainStart == chainStart &&
            good.Version == TlsProtocol.Tls13 && good.KeyExchangeMode == (PskKeyExchangeMode)((bits >> 1) & 1) && good.Hash == hash;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_changed_bit_and_every_cut_is_noticed()
    {
        using var keys = new TicketKeys(TicketServer.Key(3));
        byte[] ticket = Seal(keys, new byte[32], "dev-1"u8.ToArray(), 1, 1, PskKeyExchangeMode.PskDheKe, TlsHash.Sha256);
        for (int bit = 0; bit < ticket.Length * 8; bit++)
        {
            byte[] changed = [.. ticket];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            TicketStatus expected = bit switch
            {
                < 16 => TicketStatus.NotATicket,
                < 80 => TicketStatus.UnknownKey,
                _ => TicketStatus.NotAuthentic,
            };
            Assert.Equal(expected, TicketSeal.Open(Crypto, keys, changed, out SessionTicket? none));
            Assert.Null(none);
        }

        for (int length = 0; length < ticket.Length; length++)
            Assert.NotEqual(TicketStatus.Good, TicketSeal.Open(Crypto, keys, ticket.AsSpan(0, length), out _));
        Assert.Equal(TicketStatus.NotAuthentic, TicketSeal.Open(Crypto, keys, (byte[])[.. ticket, .. new byte[15_000]], out _));
    }

    [Fact]
    public void An_identity_from_outside_is_never_taken_for_a_ticket() => Prop.ForAll<string, byte[]>((text, context) =>
    {
        using var keys = new TicketKeys(TicketServer.Key(3));
        byte[] external = [.. Encoding.UTF8.GetBytes(text ?? ""), .. new byte[100]];
        byte[] imported = [(byte)(external.Length >> 8), (byte)external.Length, .. external, 0, (byte)context.Length, .. context, 3, 4, 0, 1];
        return TicketSeal.Open(Crypto, keys, external, out _) == TicketStatus.NotATicket && TicketSeal.Open(Crypto, keys, imported, out _) == TicketStatus.NotATicket;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Two_tickets_of_the_same_contents_have_nothing_in_common_but_the_key_name()
    {
        using var keys = new TicketKeys(TicketServer.Key(3));
        byte[] a = Seal(keys, new byte[32], new byte[100], 1, 1, PskKeyExchangeMode.PskDheKe, TlsHash.Sha256);
        byte[] b = Seal(keys, new byte[32], new byte[100], 1, 1, PskKeyExchangeMode.PskDheKe, TlsHash.Sha256);
        Assert.Equal(a[..10], b[..10]);
        Assert.InRange(a[10..].Zip(b[10..]).Count(pair => pair.First == pair.Second), 0, 20);
    }

    [Fact]
    public void A_seal_of_another_form_under_the_same_key_is_not_opened()
    {
        // The longest payload, to see that the stated bound holds.
        using var keys = new TicketKeys(TicketServer.Key(3));
        byte[] longest = Seal(keys, new byte[48], new byte[PskTerms.MaxTicketPayloadLength], 1, 1, PskKeyExchangeMode.PskDheKe, TlsHash.Sha384);
        Assert.Equal(TicketSeal.MaxLength, longest.Length);
        byte[] wrongPsk = Seal(keys, new byte[31], [], 1, 1, PskKeyExchangeMode.PskDheKe, TlsHash.Sha256);
        Assert.Equal(TicketStatus.NotAuthentic, TicketSeal.Open(Crypto, keys, wrongPsk, out _));
        byte[] wrongHash = Seal(keys, new byte[32], [], 1, 1, PskKeyExchangeMode.PskDheKe, (TlsHash)9);
        Assert.Equal(TicketStatus.NotAuthentic, TicketSeal.Open(Crypto, keys, wrongHash, out _));
    }

    [Fact]
    public void Wrong_keys_and_options_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new TicketKey(new byte[7], new byte[32]));
        Assert.Throws<ArgumentException>(() => new TicketKey(new byte[8], new byte[31]));
        using TicketKey key = TicketServer.Key(1);
        using TicketKey same = TicketServer.Key(1);
        Assert.Throws<ArgumentException>(() => new TicketKeys(key, same));
        Assert.Throws<ArgumentNullException>(() => new TicketKeys(null!));
        using var keys = new TicketKeys(key);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TicketOptions { Keys = keys, LifetimeSeconds = 604_801 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TicketOptions { Keys = keys, LifetimeSeconds = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TicketOptions { Keys = keys, ChainSeconds = TicketOptions.MaxChainSeconds + 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TicketOptions { Keys = keys, Count = 9 });
        Assert.Throws<ArgumentException>(() => new PskTerms { TicketPayload = new byte[513] });
        keys.Dispose();
        Assert.Throws<ObjectDisposedException>(() => keys.Replace(key));
        using var server = new PskTlsServer(new PskTlsServerOptions());
        Assert.Throws<InvalidOperationException>(() => server.OpenTicket(0, 0, out _));
    }

    private static byte[] Seal(TicketKeys keys, byte[] psk, byte[] payload, long issuedAt, long chainStart, PskKeyExchangeMode mode, TlsHash hash)
    {
        using var contents = new SessionTicket(psk, payload) { IssuedAt = issuedAt, ChainStart = chainStart, Version = TlsProtocol.Tls13, KeyExchangeMode = mode, Hash = hash };
        byte[] buffer = new byte[TicketSeal.MaxLength];
        return buffer[..TicketSeal.Seal(Crypto, keys, contents, buffer)];
    }
}
