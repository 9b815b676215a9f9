using System.Buffers.Binary;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tickets;

/// <summary>What a client makes of a server's NewSessionTicket.</summary>
public class ClientTicketTests
{
    public static TheoryData<string> BadTickets => [.. Bad.Keys];

    internal static Dictionary<string, (byte[] Message, TlsErrorReason Reason)> Bad => new()
    {
        ["empty"] = ([4, 0, 0, 0], TlsErrorReason.MalformedNewSessionTicket),
        ["empty ticket"] = (Message(ticket: []), TlsErrorReason.MalformedNewSessionTicket),
        ["without extensions"] = ([4, 0, 0, 12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7], TlsErrorReason.MalformedNewSessionTicket),
        ["trailing byte"] = ([4, 0, 0, 15, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 9], TlsErrorReason.MalformedNewSessionTicket),
        ["half an extension"] = (Message(extensions: [0xaa, 0xaa, 0]), TlsErrorReason.MalformedExtensions),
        ["extension twice"] = (Message(extensions: [0xaa, 0xaa, 0, 0, 0xaa, 0xaa, 0, 0]), TlsErrorReason.DuplicateExtension),
        ["early_data without size"] = (Message(extensions: [0, 42, 0, 0]), TlsErrorReason.MalformedEarlyData),
        ["key_share"] = (Message(extensions: [0, 51, 0, 0]), TlsErrorReason.MisplacedExtension),
        ["16 MB"] = ([4, 255, 255, 255], TlsErrorReason.HandshakeMessageTooLarge),
    };

    [Theory]
    [MemberData(nameof(BadTickets))]
    public void A_bad_ticket_ends_the_connection(string what)
    {
        (byte[] message, TlsErrorReason reason) = Bad[what];
        using var link = new Link();
        link.Connect();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, message));
        Assert.Equal(reason, link.Client.Error?.Reason);
        Assert.False(link.Client.TryTakeTicket(out _));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(1u, 1)]
    [InlineData(604_800u, 604_800)]
    [InlineData(604_801u, 604_800)]
    [InlineData(uint.MaxValue, 604_800)]
    public void A_lifetime_is_at_most_seven_days_and_zero_means_never(uint lifetime, int expected)
    {
        using var link = new Link();
        link.Connect();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, Message(lifetime)));
        Assert.Null(link.Client.Error);
        Assert.Equal(expected != 0, link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        if (ticket is not null)
            Assert.Equal(expected, ticket.LifetimeSeconds);
    }

    [Fact]
    public void Unknown_extensions_and_the_size_of_early_data_are_ignored()
    {
        using var link = new Link();
        link.Connect();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, Message(extensions: [0xaa, 0xaa, 0, 1, 0, 0, 42, 0, 4, 0, 0, 1, 0])));
        Assert.True(link.Client.TryTakeTicket(out _));
    }

    [Fact]
    public void The_newest_tickets_are_kept_and_a_flood_of_them_is_not_borne()
    {
        using var link = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], MaxTickets = 2 });
        link.Connect();
        for (byte i = 1; i <= 32; i++)
            link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, Message(ticket: [i])));
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        Assert.Equal([31], ticket.Ticket.ToArray());
        Assert.True(link.Client.TryTakeTicket(out ticket));
        Assert.Equal([32], ticket.Ticket.ToArray());
        link.Exchange();
        for (byte i = 1; i <= 33; i++)
            link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, Message(ticket: [i])));
        Assert.Equal(TlsErrorReason.TooManyTickets, link.Client.Error?.Reason);
        Assert.False(link.Client.TryTakeTicket(out _));
    }

    [Fact]
    public void A_client_that_wants_none_keeps_none()
    {
        using var owner = new TicketServer();
        using var link = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], MaxTickets = 0 }, owner.Options(), owner.Answer);
        link.Connect();
        Assert.False(link.Client.TryTakeTicket(out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsClientOptions { Credentials = [Link.Credential()], MaxTickets = 33 });
    }

    [Fact]
    public void The_age_of_a_ticket_is_hidden_and_an_external_identity_has_none()
    {
        using var link = new Link();
        link.Connect();
        link.ClientEnd.Deliver(TestRecord.Protected(link.Server, 22, Message(ageAdd: 0xfffffff0)));
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        using var client = new PskTlsClient(new PskTlsClientOptions { Credentials = [ticket.ToCredential(0x20), Link.Credential()] });
        byte[] hello = new Wire(client).Deliver([])[5..];
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(hello, out ClientHello fields));
        ReadOnlySpan<byte> identities = fields.Identities.Of(hello);
        Assert.Equal(0x10u, BinaryPrimitives.ReadUInt32BigEndian(identities[(2 + ticket.Ticket.Length)..]));
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32BigEndian(identities[^4..]));
        Assert.Equal(Link.Identity, PreSharedKey.Identity(identities, 1).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => ticket.ToCredential(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ticket.ToCredential(256_001));
    }

    [Fact]
    public void A_ticket_in_pieces_is_taken()
    {
        using var owner = new TicketServer();
        using var link = new Link(
            new PskTlsClientOptions { Credentials = [Link.Credential()], RecordSizeLimit = 64 }, owner.Options(count: 2), owner.Answer) { Chunk = 3 };
        link.Connect();
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));
        link.Exchange();
        using Link resumed = owner.Resume(ticket);
        resumed.Connect();
        Assert.Equal(PskBinder.Resumption, resumed.Server.Session!.Binder);
    }

    private static byte[] Message(uint lifetime = 256, uint ageAdd = 5, byte[]? ticket = null, byte[]? extensions = null)
    {
        byte[] buffer = new byte[1000];
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.NewSessionTicket);
        writer.WriteUInt32(lifetime);
        writer.WriteUInt32(ageAdd);
        writer.WriteVector8([1, 2]);
        writer.WriteVector16(ticket ?? [9, 9, 9]);
        writer.WriteVector16(extensions ?? []);
        writer.EndVector(message);
        return writer.Written.ToArray();
    }
}
