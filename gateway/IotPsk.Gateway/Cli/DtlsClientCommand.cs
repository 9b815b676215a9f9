using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Net;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli;

/// <summary><c>client dtls</c>: datagrams, or a CoAP request, through a DTLS association with a pre-shared key, for trying things out.</summary>
internal static class DtlsClientCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Linger = TimeSpan.FromSeconds(1);
    private static readonly CoapCode[] Methods = [CoapCode.Get, CoapCode.Put, CoapCode.Post, CoapCode.Delete];

    internal static Command Create(CommonOptions common, CommandConsole console)
    {
        var address = new Argument<string>("HOST:PORT") { Description = "Where the server is" };
        var credential = new ClientCredentialOptions(forVersion12: true);
        Option<string?>[] paths = [.. Methods.Select(m => new Option<string?>("--" + m.ToString().ToLowerInvariant())
        {
            Description = m is CoapCode.Get or CoapCode.Delete ? $"Ask for PATH by CoAP {m.ToString().ToUpperInvariant()} and print the answer" : $"The same by {m.ToString().ToUpperInvariant()}, with standard input as payload",
            HelpName = "PATH",
        })];
        var format = new Option<int>("--content-format") { Description = "Content-Format of the payload, 0..65535 (110 is SenML-JSON)", DefaultValueFactory = _ => -1 };
        var suites = new Option<string[]>("--suite") { Description = "Offered suites, in order, like TLS_PSK_WITH_AES_128_CCM_8; all by default", AllowMultipleArgumentsPerToken = true, HelpName = "SUITE" };
        var withoutId = new Option<bool>("--no-cid") { Description = "Offer no connection id: the association ends where the address changes" };
        var keyLog = new Option<string?>("--key-log") { Description = "Append the session's secrets to FILE, for tshark: whoever reads FILE reads the session", HelpName = "FILE" };
        var dtls = new Command("dtls", "Connects by DTLS 1.2. Without a PATH each line of standard input is a datagram, and each datagram that comes back a line. " +
            "Example: iotpsk client dtls 127.0.0.1:5684 --bundle sensor-0001.cred --get /echo") { address, format, suites, withoutId, keyLog };
        foreach (Option<string?> path in paths)
            dtls.Options.Add(path);
        credential.AddTo(dtls);
        dtls.SetAction(async (parsed, cancellation) =>
        {
            if (!EndpointAddress.TryParseHostAndPort(parsed.GetValue(address)!, out string host, out int port, out string fault))
                throw new UserError($"\"{parsed.GetValue(address)}\" {fault}", "HOST:PORT", "write it like 127.0.0.1:5684", UserError.Usage);
            if (parsed.GetValue(format) is < -1 or > ushort.MaxValue)
                throw new UserError("the content format is not between 0 and 65535", "--content-format", "correct it", UserError.Usage);
            string?[] asked = [.. paths.Select(parsed.GetValue)];
            if (asked.Count(p => p is not null) > 1)
                throw new UserError("there is more than one request", "on the command line", "give one of --get, --put, --post, --delete", UserError.Usage);
            if (Array.Find(asked, p => p is { } path && !path.StartsWith('/')) is { } bare)
                throw new UserError($"the path \"{bare}\" does not begin with a slash", "on the command line", $"write it like /{bare}", UserError.Usage);
            using PskTlsCredential key = credential.Read(parsed);
            using var log = new KeyLogFile(parsed.GetValue(keyLog), console.Errors);
            PskDtlsClientOptions options = Options(key, parsed.GetValue(suites) ?? [], !parsed.GetValue(withoutId), log.Sink);
            int method = Array.FindIndex(asked, p => p is not null);
            string where = string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
            await TellFailuresAsync(where, async () =>
            {
                using DatagramClient client = await DatagramClient.ConnectAsync(host, port, new PskDtlsClient(options, []), Patience, cancellation);
                console.Errors.WriteLine(Describe(client, common.Json(parsed)));
                if (method < 0)
                    await PumpAsync(client, where, cancellation);
                else
                    await AskAsync(client, Methods[method], asked[method]!, parsed.GetValue(format), where, console, common.Json(parsed), cancellation);
            });
            return 0;
        });
        return dtls;
    }

    private static PskDtlsClientOptions Options(PskTlsCredential key, string[] names, bool offerConnectionId, Action<string>? keyLog)
    {
        var all = new PskDtlsClientOptions { Credential = key };
        CipherSuite[] suites = [.. names.Distinct().Select(name => all.CipherSuites.FirstOrDefault(suite => suite.ToString() == name))];
        int unknown = Array.IndexOf(suites, default);
        return unknown >= 0
            ? throw new UserError($"\"{names.Distinct().ElementAt(unknown)}\" is no suite for DTLS 1.2 here", "--suite", $"give some of {string.Join(", ", all.CipherSuites)}", UserError.Usage)
            : new PskDtlsClientOptions { Credential = key, CipherSuites = suites.Length == 0 ? all.CipherSuites : suites, OfferConnectionId = offerConnectionId, KeepsTicket = false, KeyLog = keyLog };
    }

    private static async Task TellFailuresAsync(string where, Func<Task> talk)
    {
        try
        {
            await talk();
        }
        catch (SocketException e)
        {
            throw new UserError($"there is no connection ({e.Message})", where, "check the address, and that the server runs", cause: e);
        }
        catch (TimeoutException e)
        {
            throw new UserError("the server did not answer in time", where, "check that it speaks DTLS 1.2 there, identity and key too: a server is silent about a wrong one", cause: e);
        }
        catch (PskTlsException e)
        {
            throw new UserError($"DTLS failed: {e.Message}", where, "see the server's log", cause: e);
        }
        catch (InvalidDataException e)
        {
            throw new UserError(e.Message, where, "see the server's log", cause: e);
        }
        catch (ArgumentException e)
        {
            throw new UserError(e.Message, "on the command line", "correct the path, or send less", UserError.Usage, e);
        }
    }

    private static async Task AskAsync(DatagramClient client, CoapCode method, string path, int format, string where, CommandConsole console, bool json, CancellationToken cancellation)
    {
        byte[] payload = method is CoapCode.Put or CoapCode.Post ? await ReadInputAsync(cancellation) : [];
        var ask = new CoapAsk(client);
        byte[] answer = await ask.AskAsync(method, path, payload, format, cancellation);
        await client.CloseAsync(cancellation);
        if (CoapCodes.GetClass(ask.Code) != 2)
            throw new UserError($"the server answered {ask.Verdict(answer)}", where + path, "see the server's log");
        console.Errors.WriteLine(json
            ? new JsonObject { ["code"] = CoapCodes.Format(ask.Code), ["contentFormat"] = ask.ContentFormat < 0 ? null : ask.ContentFormat, ["bytes"] = answer.Length }.ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"answered {CoapCodes.Format(ask.Code)}, {answer.Length} bytes"));
        await using Stream output = Console.OpenStandardOutput();
        await output.WriteAsync(answer, cancellation);
    }

    private static async Task<byte[]> ReadInputAsync(CancellationToken cancellation)
    {
        await using Stream input = Console.OpenStandardInput();
        var all = new MemoryStream();
        await input.CopyToAsync(all, cancellation);
        return all.ToArray();
    }

    // Lines out, lines in; after the last one a second of silence ends it.
    private static async Task PumpAsync(DatagramClient client, string where, CancellationToken cancellation)
    {
        await using Stream output = Console.OpenStandardOutput();
        byte[] input = await ReadInputAsync(cancellation);
        for (int start = 0; start < input.Length;)
        {
            int end = Array.IndexOf(input, (byte)'\n', start);
            end = end < 0 ? input.Length : end;
            if (end - start > client.MaxPlaintext)
                throw new UserError($"a line has {end - start} bytes, and a datagram carries {client.MaxPlaintext}", "on standard input", "send shorter lines");
            await client.SendAsync(input.AsMemory(start, end - start), cancellation);
            start = end + 1;
            if (await client.ReceiveAsync(TimeSpan.FromMilliseconds(1), cancellation) is { } early)
                await PrintAsync(early);
        }
        while (await client.ReceiveAsync(Linger, cancellation) is { } datagram)
            await PrintAsync(datagram);
        if (client.IsOver)
            throw new InvalidDataException("the server ended the association");
        await client.CloseAsync(cancellation);

        async Task PrintAsync(byte[] datagram)
        {
            await output.WriteAsync(datagram, cancellation);
            output.WriteByte((byte)'\n');
        }
    }

    private static string Describe(DatagramClient client, bool json)
    {
        PskTlsSession session = client.Session;
        string version = TlsNames.Of(session.Version), mode = TlsNames.KeyExchange(session);
        (int own, int server) = client.ConnectionIds;
        return json
            ? new JsonObject
            {
                ["version"] = version,
                ["cipherSuite"] = session.CipherSuite.ToString(),
                ["keyExchange"] = mode,
                ["group"] = TlsNames.Of(session.Group),
                ["connectionIdBytes"] = server,
                ["handshakeBytesSent"] = session.HandshakeBytesSent,
                ["handshakeBytesReceived"] = session.HandshakeBytesReceived,
            }.ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"connected: {version} {session.CipherSuite} {mode}, connection id of {server} bytes out and {own} in, handshake {session.HandshakeBytesSent} bytes out, {session.HandshakeBytesReceived} in");
    }
}
