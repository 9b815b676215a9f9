using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Keys;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Admin;

/// <summary>
/// Two doors: a Unix socket for the owner of the process (and root) that changes things, and loopback HTTP that tells
/// health and numbers to whoever asks on this machine.
/// </summary>
internal sealed class AdminServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _socket;

    private AdminServer(WebApplication app, string socket) => (_app, _socket) = (app, socket);

    /// <summary>Opens both doors. Throws <see cref="UserError"/> when one cannot be had.</summary>
    internal static async Task<AdminServer> StartAsync(AdminConfiguration configuration, GatewayService service)
    {
        AdminSocket.Prepare(configuration.Socket);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Bind(kestrel, configuration));
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        // Signals are the serve verb's business.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        WebApplication app = builder.Build();
        app.Use(OnlyReadersOnHttp);
        app.UseRouting();
        MapReaders(app, service);
        MapAdmin(app, service);
        try
        {
            await app.StartAsync();
            AdminSocket.Protect(configuration.Socket);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            await app.DisposeAsync();
            throw new UserError($"the admin doors cannot be opened ({e.Message})", $"$.Admin: {configuration.Socket}, {configuration.Http?.ToString() ?? "no HTTP"}", "choose addresses that are free and a directory this user may write to", cause: e);
        }
        return new AdminServer(app, configuration.Socket);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        File.Delete(_socket);
    }

    private static void Bind(KestrelServerOptions kestrel, AdminConfiguration configuration)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = 64 * 1024;
        kestrel.ListenUnixSocket(configuration.Socket, options => options.Use(next => connection =>
        {
            Socket socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket;
            if (!AdminSocket.IsOwner(socket))
            {
                connection.Abort();
                return Task.CompletedTask;
            }
            connection.Features.Set(AdminDoor.Instance);
            return next(connection);
        }));
        if (configuration.Http is { Address: { } address } http)
            kestrel.Listen(address, http.Port);
    }

    private static void MapReaders(WebApplication app, GatewayService service)
    {
        app.MapGet("/healthz", async context =>
        {
            TpmHealth health = await service.HealthAsync();
            context.Response.StatusCode = health.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            await WriteAsync(context, new JsonObject { ["ready"] = health.Ready, ["problem"] = health.Problem });
        });
        app.MapGet("/metrics", async context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            await context.Response.WriteAsync(Metric.ToText(GatewayMetrics.Read(service)));
        });
    }

    private static void MapAdmin(WebApplication app, GatewayService service)
    {
        app.MapGet("/sessions", async context =>
        {
            var sessions = new JsonArray();
            foreach (IotPsk.Net.SessionInfo session in (await service.SessionsAsync()).OrderBy(s => s.ConnectedAt))
            {
                if (SessionDocument.Of(session) is JsonNode document)
                    sessions.Add(document);
            }
            await WriteAsync(context, sessions);
        });
        app.MapGet("/counters", context => WriteAsync(context, Metric.ToJson(GatewayMetrics.Read(service))));
        app.MapPost("/sessions/{id}/close", async context =>
        {
            bool closed = long.TryParse((string?)context.GetRouteValue("id"), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long id) && await service.CloseAsync(id);
            context.Response.StatusCode = closed ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
            await WriteAsync(context, new JsonObject { ["closed"] = closed });
        });
        app.MapPost("/registry/refresh", context =>
        {
            service.Registry.Refresh();
            return WriteAsync(context, new JsonObject { ["devices"] = service.Registry.DeviceCount });
        });
        app.MapPost("/devices/{id}/revoke", async context =>
        {
            try
            {
                (bool changed, int sessions) = await service.RevokeAsync((string)context.GetRouteValue("id")!);
                await WriteAsync(context, new JsonObject { ["changed"] = changed, ["closedSessions"] = sessions });
            }
            catch (KeysException e)
            {
                context.Response.StatusCode = StatusCodes.Status409Conflict;
                await WriteAsync(context, new JsonObject { ["error"] = e.Message });
            }
        });
    }

    // What changes or names anything exists on the socket alone.
    private static Task OnlyReadersOnHttp(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<AdminDoor>() is not null || context.Request.Path.Value is "/healthz" or "/metrics")
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static Task WriteAsync(HttpContext context, JsonNode document)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(document.ToJsonString() + "\n");
    }

    // The mark of a connection that came through the Unix socket.
    private sealed class AdminDoor
    {
        internal static readonly AdminDoor Instance = new();
    }

    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
