using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using IotPsk.Tls;

namespace IotPsk.Bogo;

/// <summary>Runs the connections of one test: the first, and those that resume it.</summary>
internal sealed class Shim(ShimFlags flags)
{
    private static readonly TlsHash[] Hashes = [TlsHash.Sha256, TlsHash.Sha384];
    private static readonly NamedGroup[] Groups = [NamedGroup.X25519, NamedGroup.Secp256r1];
    private readonly PskTlsServerOptions _server = new()
    {
        Groups = Groups,
        AllowTls12 = false,
        Tickets = new TicketOptions { Keys = new TicketKeys(new TicketKey(RandomNumberGenerator.GetBytes(8), RandomNumberGenerator.GetBytes(32))) },
    };
    private PskTlsTicket? _ticket;
    private int _ticketCredential = -1;

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    internal void Run()
    {
        if (flags.Tls12 is null && !flags.Credentials.Any(c => c.IsPsk))
            throw new NotImplementedHereException("a connection without a PSK");
        for (int i = 0; i <= flags.ResumeCount; i++)
            Connect(i == 0 ? flags.Initial : flags.Resume);
    }

    private void Connect(ConnectionFlags expected)
    {
        using Socket socket = Dial();
        using var connection = new ShimConnection(socket, flags.IsServer ? new PskTlsServer(_server) : new PskTlsClient(ClientOptions()));
        int selected = -1;
        connection.Handshake(server => selected = Answer(server));
        if (connection.Tls is PskTlsClient client && flags.Tls12 is null)
            selected = CredentialOf(client.Session!);
        if (expected.SelectedCredential is { } wanted && wanted != selected)
            throw new ShimFailureException($"SELECTED_CREDENTIAL_{selected}");
        connection.Exchange(expected);
        if (connection.Tls is PskTlsClient resumable)
            KeepTicket(resumable, expected, selected);
    }

    private Socket Dial()
    {
        var address = flags.IsIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(address, flags.Port);
        Span<byte> id = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(id, flags.ShimId);
        socket.Send(id);
        return socket;
    }

    // TLS 1.2 takes the key as it is, and no imported key (RFC 9258 s5.1): no test has both.
    // In TLS 1.3 the ticket first, then each credential imported for each hash, in the order of the credentials.
    private PskTlsClientOptions ClientOptions()
    {
        if (flags.Tls12 is { } plain)
            return new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Groups = Groups, Credentials = [new PskTlsCredential(plain.Identity, plain.Key, PskBinder.External, TlsHash.Sha256)] };
        var offered = new List<PskTlsCredential>();
        if (_ticket is not null)
            offered.Add(_ticket.ToCredential(0));
        foreach (ShimCredential credential in flags.Credentials.Where(c => c.IsPsk))
        {
            foreach (TlsHash hash in Hashes)
            {
                (byte[] identity, byte[] key) = credential.Import(hash);
                offered.Add(new PskTlsCredential(identity, key, PskBinder.Imported, hash));
            }
        }
        return new PskTlsClientOptions { Credentials = offered, Groups = Groups };
    }

    private int CredentialOf(PskTlsSession session)
    {
        if (session.Binder == PskBinder.Resumption)
            return _ticketCredential;
        int index = (session.IdentityIndex - (_ticket is null ? 0 : 1)) / Hashes.Length;
        int[] psks = [.. Enumerable.Range(0, flags.Credentials.Count).Where(i => flags.Credentials[i].IsPsk)];
        return psks[index];
    }

    private void KeepTicket(PskTlsClient client, ConnectionFlags expected, int selected)
    {
        PskTlsTicket? newest = null;
        while (client.TryTakeTicket(out PskTlsTicket? ticket))
            newest = ticket;
        if (newest is null && flags.ResumeCount > 0 && !expected.ExpectsNoSession)
            throw new ShimFailureException("NO_SESSION");
        if (newest is not null && expected.ExpectsNoSession)
            throw new ShimFailureException("UNEXPECTED_SESSION");
        (_ticket, _ticketCredential) = (newest, selected);
    }

    // A ticket of ours goes first; then the server's credentials in the server's order.
    private int Answer(PskTlsServer server)
    {
        var terms = new PskTerms { IssueTickets = true, Now = Now };
        for (int i = 0; i < server.PendingIdentityCount; i++)
        {
            if (server.OpenTicket(i, Now, out SessionTicket? ticket) != TicketStatus.Good)
                continue;
            using (ticket)
                server.ProvideTicket(i, ticket!, terms);
            return -1;
        }
        // A known key that no offered suite fits is better answered by handshake_failure than by "unknown".
        foreach (bool usable in (bool[])[true, false])
        {
            for (int c = 0; c < flags.Credentials.Count; c++)
            {
                if (flags.Credentials[c].IsPsk && TryProvide(server, flags.Credentials[c], usable, terms))
                    return c;
            }
        }
        server.RejectPsk();
        return -1;
    }

    private static bool TryProvide(PskTlsServer server, ShimCredential credential, bool usable, in PskTerms terms)
    {
        foreach (TlsHash hash in Hashes.Where(hash => !usable || server.HasCipherSuite(hash)))
        {
            (byte[] identity, byte[] key) = credential.Import(hash);
            for (int i = 0; i < server.PendingIdentityCount; i++)
            {
                if (!server.GetPendingIdentity(i).SequenceEqual(identity))
                    continue;
                server.ProvidePsk(i, key, PskBinder.Imported, hash, terms);
                return true;
            }
        }
        return false;
    }
}
