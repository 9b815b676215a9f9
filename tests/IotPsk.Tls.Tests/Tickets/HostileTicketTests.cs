using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tickets;

/// <summary>Tickets that were changed, cut or made up, and a library that fails while they are handled.</summary>
public class HostileTicketTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_changed_ticket_message_is_parsed_or_refused(int seed)
    {
        var random = new Random(seed);
        byte[] good = [4, 0, 0, 27, 0, 0, 1, 0, 1, 2, 3, 4, 2, 0, 1, 0, 4, 9, 9, 9, 9, 0, 8, 0, 42, 0, 4, 0, 0, 1, 0];
        Assert.Equal(TlsErrorReason.None, NewSessionTicket.Parse(good.AsSpan(4, good[3]), out _));
        for (int round = 0; round < 50; round++)
        {
            byte[] message = [.. good];
            for (int i = random.Next(1, 4); i > 0; i--)
                message[random.Next(message.Length)] = (byte)random.Next(256);
            int end = random.Next(3) == 0 ? random.Next(1, message.Length) : message.Length;
            using var link = new Link();
            link.Connect();
            link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, message[..end]));
            if (link.Client.Error is { } error)
                Assert.NotEqual(TlsErrorKind.LocalFault, error.Kind);
            else if (link.Client.TryTakeTicket(out PskTlsTicket? ticket))
                Assert.InRange(ticket.LifetimeSeconds, 1, 604_800);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_changed_byte_of_a_hello_with_a_ticket_never_leads_to_a_connection(int seed)
    {
        var random = new Random(seed);
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        for (int round = 0; round < 25; round++)
        {
            using Link link = owner.Resume(ticket);
            bool first = true;
            link.Tamper = (toServer, bytes) =>
            {
                if (toServer && first)
                {
                    // Behind the record header.
                    bytes[random.Next(5, bytes.Length)] ^= (byte)(1 << random.Next(8));
                    first = false;
                }

                return bytes;
            };
            link.Run();
            Assert.False(link.Server.IsConnected, $"seed {seed}, round {round}");
            Assert.False(link.Client.IsConnected);
        }
    }

    [Fact]
    public void A_failing_library_ends_a_resumption_wherever_it_fails()
    {
        using var owner = new TicketServer();
        using PskTlsTicket ticket = owner.Earn();
        var options = new PskTlsClientOptions { Credentials = [ticket.ToCredential(0), Link.Credential()] };
        foreach (bool atServer in (bool[])[true, false])
        {
            bool failed = true;
            int failAt = 1;
            for (; failed; failAt++)
            {
                Assert.True(failAt < 300, "a handshake takes fewer operations");
                var crypto = new FailingCrypto(failAt);
                using var link = new Link(
                    atServer ? new PskTlsClient(options) : new PskTlsClient(options, crypto),
                    atServer ? new PskTlsServer(owner.Options(), crypto) : new PskTlsServer(owner.Options()), owner.Answer);
                link.Run();
                TlsError? error = atServer ? link.Server.Error : link.Client.Error;
                failed = error is not null;
                if (failed)
                    Assert.Equal(TlsErrorReason.CryptoFailure, error!.Reason);
                else
                    Assert.Equal(PskBinder.Resumption, link.Server.Session!.Binder);
            }

            Assert.InRange(failAt, 25, 200);
        }
    }

    [Fact]
    public void A_written_ticket_message_is_read_as_it_was_written() => Prop.ForAll<uint, byte[], byte>((ageAdd, ticket, nonce) =>
    {
        byte[] buffer = new byte[ticket.Length + 100];
        byte[] sent = [1, .. ticket];
        var writer = new WireWriter(buffer);
        NewSessionTicket.Write(ref writer, 1 + (int)(ageAdd % 604_800), ageAdd, nonce, sent);
        ReadOnlySpan<byte> body = writer.Written[HandshakeMessage.HeaderLength..];
        if (NewSessionTicket.Parse(body, out NewSessionTicket parsed) != TlsErrorReason.None)
            return false;
        for (int length = 0; length < body.Length; length++)
        {
            if (NewSessionTicket.Parse(body[..length], out _) == TlsErrorReason.None)
                return false;
        }

        return parsed.LifetimeSeconds == 1 + (ageAdd % 604_800) && parsed.AgeAdd == ageAdd && parsed.Nonce.SequenceEqual([nonce]) && parsed.Ticket.SequenceEqual(sent);
    }).QuickCheckThrowOnFailure();
}
