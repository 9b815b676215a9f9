using System.CommandLine;
using IotPsk.Gateway.Admin;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Gateway.Serving.Systemd;
using IotPsk.Keys;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Cli;

/// <summary><c>serve</c>: runs the gateway until SIGTERM or SIGINT; SIGHUP reloads.</summary>
internal static class ServeCommand
{
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(5);

    internal static Command Create(CommonOptions common)
    {
        var verbose = new Option<bool>("--verbose") { Description = "Log every session too, with device ids in clear" };
        var serve = new Command("serve", "Runs the gateway in the foreground, logging to standard output (--json: one JSON object a line). " +
            "SIGHUP reads the configuration anew. SIGTERM and SIGINT end it: sessions get close_notify and a few seconds to finish. Example: iotpsk serve --config iotpsk.json") { verbose };
        serve.SetAction((parsed, _) => RunAsync(() => common.Configuration(parsed), common.Json(parsed), parsed.GetValue(verbose)));
        return serve;
    }

    private static async Task<int> RunAsync(Func<GatewayConfiguration> read, bool json, bool verbose)
    {
        GatewayConfiguration configuration = read();
        await using ServiceProvider services = ServiceLog.Create(json, verbose);
        ILogger log = services.GetRequiredService<ILoggerFactory>().CreateLogger("iotpsk");
        using var signals = new ServeSignals();
        using ServiceManager manager = ServiceManager.FromEnvironment();
        await using GatewayService service = await GatewayService.StartAsync(configuration, log, TimeProvider.System);
        using var heap = new NativeHeap(TimeProvider.System);
        await using (var admin = await AdminDoors.OpenAsync(configuration.Admin, service))
        await using (WatchdogFeeder? feeder = WatchdogFeeder.Start(manager, service, log))
        {
            manager.Ready(service.Status);
            while (await signals.NextAsync() == ServeSignal.Reload)
            {
                manager.Reloading();
                string? problem = await ReloadAsync(read, service, admin, log);
                service.Events.CountReload(refused: problem is not null);
                manager.Ready(problem is null ? service.Status : $"{service.Status}; the last reload was refused: {problem}");
            }
            manager.Stopping();
        }
        await service.StopAsync(Drain);
        return 0;
    }

    // Null, or why the old configuration stays.
    private static async Task<string?> ReloadAsync(Func<GatewayConfiguration> read, GatewayService service, AdminDoors admin, ILogger log)
    {
        try
        {
            GatewayConfiguration next = read();
            AdminConfiguration before = admin.Configuration;
            await admin.MoveAsync(next.Admin);
            try
            {
                await service.ReloadAsync(next);
                return null;
            }
            catch
            {
                await admin.MoveAsync(before);
                throw;
            }
        }
        catch (Exception e) when (e is UserError or KeysException)
        {
            foreach (string error in e.Message.Split('\n'))
                log.ReloadRefused(error);
            return e.Message;
        }
        catch (Exception e)
        {
            // What was served is served on.
            log.Fault(e);
            return e.Message;
        }
    }
}
