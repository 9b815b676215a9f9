using System.CommandLine;
using System.Net;
using IotPsk.Gateway.Configuration;
using IotPsk.Tls;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary><c>tunnel</c>: takes plain TCP connections and carries each to a server by TLS 1.3 with a pre-shared key.</summary>
internal static class TunnelCommand
{
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(5);

    internal static Command Create(CommonOptions common)
    {
        var listen = new Option<string[]>("--listen") { Description = "Where programs connect, like tcp://127.0.0.1:8080; may be given several times", HelpName = "tcp://IP:PORT", Required = true };
        var connect = new Option<string>("--connect") { Description = "The TLS-PSK server, a tunnel or mqtt listener of iotpsk serve for one", HelpName = "HOST:PORT", Required = true };
        var pskKe = new Option<bool>("--psk-ke") { Description = "Offer psk_ke alone: no forward secrecy" };
        var idle = new Option<int>("--idle") { Description = "Seconds without a byte after which a connection ends; 0 is for ever", DefaultValueFactory = _ => 0, HelpName = "SECONDS" };
        var most = new Option<int>("--max-connections") { Description = "Connections at once; more wait", DefaultValueFactory = _ => 1000, HelpName = "N" };
        var verbose = new Option<bool>("--verbose") { Description = "Log every connection" };
        var credential = new ClientCredentialOptions();
        var tunnel = new Command("tunnel", "Lets programs without TLS-PSK join: plain connections come in, TLS 1.3 connections with the key of a device go out. " +
            "Whoever can connect to --listen speaks in the device's name. SIGTERM and SIGINT end it, after what is under way. " +
            "Example: iotpsk tunnel --listen tcp://127.0.0.1:8080 --connect gateway.example:8443 --bundle sensor-0001.cred") { listen, connect, pskKe, idle, most, verbose };
        credential.AddTo(tunnel);
        tunnel.SetAction(async (parsed, _) =>
        {
            IPEndPoint[] addresses = [.. parsed.GetValue(listen)!.Select(Address)];
            if (!EndpointAddress.TryParseHostAndPort(parsed.GetValue(connect)!, out string host, out int port, out string fault))
                throw new UserError($"\"{parsed.GetValue(connect)}\" {fault}", "--connect", "write it like gateway.example:8443", UserError.Usage);
            using PskTlsCredential key = credential.Read(parsed);
            var options = new TunnelOptions
            {
                Host = host,
                Port = port,
                Key = key,
                Mode = parsed.GetValue(pskKe) ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe,
                IdleTimeout = TimeSpan.FromSeconds(InRange(parsed.GetValue(idle), 0, 30 * 86_400, "--idle")),
                MaxConnections = InRange(parsed.GetValue(most), 1, 100_000, "--max-connections"),
            };
            await using ServiceProvider services = ServiceLog.Create(common.Json(parsed), parsed.GetValue(verbose));
            return await RunAsync(addresses, options, services.GetRequiredService<ILoggerFactory>().CreateLogger("iotpsk"));
        });
        return tunnel;
    }

    private static async Task<int> RunAsync(IPEndPoint[] addresses, TunnelOptions options, ILogger log)
    {
        using var signals = new ServeSignals();
        await using var tunnel = TunnelClient.Start(addresses, options, log);
        // There is nothing to read anew.
        while (await signals.NextAsync() == ServeSignal.Reload)
        {
        }
        await tunnel.StopAsync(Drain);
        return 0;
    }

    private static IPEndPoint Address(string text)
    {
        if (!EndpointAddress.TryParse(text, out EndpointAddress address, out string fault))
            throw new UserError($"\"{text}\" {fault}", "--listen", "write it like tcp://127.0.0.1:8080", UserError.Usage);
        return address is { Scheme: "tcp", Address: { } ip }
            ? new IPEndPoint(ip, address.Port)
            : throw new UserError($"\"{text}\" is no tcp:// address of this machine", "--listen", "write it like tcp://127.0.0.1:8080", UserError.Usage);
    }

    private static int InRange(int value, int least, int most, string option) => value >= least && value <= most
        ? value
        : throw new UserError($"{value} is outside {least}..{most}", option, "correct it", UserError.Usage);
}
