using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli;

/// <summary><c>client tls</c>: standard input and output through a TLS connection with a pre-shared key, for trying things out.</summary>
internal static class ClientCommand
{
    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var client = new Command("client", "A client for trying things out");
        var address = new Argument<string>("HOST:PORT") { Description = "Where the server is" };
        var credential = new ClientCredentialOptions();
        var pskKe = new Option<bool>("--psk-ke") { Description = "Offer psk_ke alone: no forward secrecy" };
        var group = new Option<string[]>("--group") { Description = "Offered groups, in order: secp256r1, x25519", AllowMultipleArgumentsPerToken = true };
        group.AcceptOnlyFromAmong("secp256r1", "x25519");
        var resume = new Option<bool>("--resume") { Description = "Connect twice: the first time for a session ticket, which the second time offers before the key" };
        var recordSize = new Option<int>("--record-size") { Description = "record_size_limit to announce, 64..16385 (RFC 8449)", DefaultValueFactory = _ => 16385 };
        var keyLog = new Option<string?>("--key-log") { Description = "Append the session's secrets to FILE, for tshark: whoever reads FILE reads the session", HelpName = "FILE" };
        var tls = new Command("tls", "Connects by TLS 1.3; standard input goes to the server, what comes back to standard output. " +
            "Example: iotpsk client tls 127.0.0.1:8883 --bundle sensor-0001.cred < request") { address, pskKe, group, recordSize, resume, keyLog };
        credential.AddTo(tls);
        tls.SetAction(async (parsed, cancellation) =>
        {
            if (!EndpointAddress.TryParseHostAndPort(parsed.GetValue(address)!, out string host, out int port, out string fault))
                throw new UserError($"\"{parsed.GetValue(address)}\" {fault}", "HOST:PORT", "write it like 127.0.0.1:8883", UserError.Usage);
            if (parsed.GetValue(recordSize) is < 64 or > 16385)
                throw new UserError("the record size limit is not between 64 and 16385", "--record-size", "correct it", UserError.Usage);
            using PskTlsCredential key = credential.Read(parsed);
            using var log = new KeyLogFile(parsed.GetValue(keyLog), console.Errors);
            string[] groups = parsed.GetValue(group) ?? [];
            PskTlsClientOptions Options(PskTlsTicket? ticket) => new()
            {
                Credentials = ticket is null ? [key] : [ticket.ToCredential(0), key],
                KeyExchangeModes = [parsed.GetValue(pskKe) ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe],
                Groups = groups.Length == 0 ? [NamedGroup.Secp256r1, NamedGroup.X25519] : [.. groups.Distinct().Select(g => g == "x25519" ? NamedGroup.X25519 : NamedGroup.Secp256r1)],
                RecordSizeLimit = parsed.GetValue(recordSize),
                KeyLog = log.Sink,
            };
            await TalkAsync(host, port, Options, parsed.GetValue(resume), common.Json(parsed), console, cancellation);
            return 0;
        });
        client.Subcommands.Add(tls);
        client.Subcommands.Add(DtlsClientCommand.Create(common, console));
        return client;
    }

    private static async Task TalkAsync(string host, int port, Func<PskTlsTicket?, PskTlsClientOptions> options, bool resume, bool json, CommandConsole console, CancellationToken cancellation)
    {
        string where = string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
        try
        {
            using PskTlsTicket? ticket = resume ? await EarnTicketAsync(host, port, options(null), cancellation) : null;
            await using PskTlsStream stream = await TlsDialer.ConnectAsync(host, port, new PskTlsClient(options(ticket)), cancellation);
            console.Errors.WriteLine(Describe(stream.Session!, json));
            await PumpAsync(stream, cancellation);
        }
        catch (Exception e) when (TlsDialer.Tell(e, where) is { } told)
        {
            throw told;
        }
    }

    // The server's last bytes have the ticket among them, at the latest before its close_notify.
    private static async Task<PskTlsTicket> EarnTicketAsync(string host, int port, PskTlsClientOptions options, CancellationToken cancellation)
    {
        var client = new PskTlsClient(options);
        await using PskTlsStream stream = await TlsDialer.ConnectAsync(host, port, client, cancellation);
        await stream.ShutdownAsync(cancellation);
        await stream.CopyToAsync(Stream.Null, cancellation).WaitAsync(TlsDialer.Patience, cancellation);
        return client.TryTakeTicket(out PskTlsTicket? ticket)
            ? ticket
            : throw new UserError("the server sent no session ticket", "--resume", "connect without --resume, or let the server make tickets (TicketHours of iotpsk serve)");
    }

    // The server's end ends it; the end of standard input is told to the server by close_notify.
    private static async Task PumpAsync(PskTlsStream stream, CancellationToken cancellation)
    {
        await using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput();
        Task receiving = stream.CopyToAsync(output, cancellation);
        Task sending = SendAsync();
        Task first = await Task.WhenAny(receiving, sending);
        // A server that is done may close before it read everything: how it ended is told by what is received.
        if (first == sending && !sending.IsFaulted)
            await sending;
        await receiving.WaitAsync(TlsDialer.Patience, cancellation);

        async Task SendAsync()
        {
            await input.CopyToAsync(stream, cancellation);
            await stream.ShutdownAsync(cancellation);
        }
    }

    private static string Describe(PskTlsSession session, bool json)
    {
        string version = TlsNames.Of(session.Version), mode = TlsNames.KeyExchange(session), group = TlsNames.Of(session.Group);
        return json
            ? new JsonObject
            {
                ["version"] = version,
                ["cipherSuite"] = session.CipherSuite.ToString(),
                ["keyExchange"] = mode,
                ["group"] = group,
                ["imported"] = session.Binder == PskBinder.Imported,
                ["resumed"] = session.Binder == PskBinder.Resumption,
                ["handshakeBytesSent"] = session.HandshakeBytesSent,
                ["handshakeBytesReceived"] = session.HandshakeBytesReceived,
            }.ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"connected: {version} {session.CipherSuite} {mode} {group}, {Kind(session.Binder)}, handshake {session.HandshakeBytesSent} bytes out, {session.HandshakeBytesReceived} in");
    }

    private static string Kind(PskBinder binder) => binder switch
    {
        PskBinder.Imported => "imported PSK",
        PskBinder.Resumption => "resumed by ticket",
        _ => "external PSK",
    };
}
