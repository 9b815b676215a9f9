using System.Net.Sockets;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Admin;

/// <summary>
/// Two doors: a Unix socket for the owner of the process (and root) that changes things, and loopback HTTP that tells
/// health and numbers to whoever asks on this machine, and does the rest for who shows the token.
/// </summary>
internal sealed class AdminServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _socket;

    private AdminServer(WebApplication app, string socket) => (_app, _socket) = (app, socket);

    /// <summary>Opens both doors. Throws <see cref="UserError"/> when one cannot be had.</summary>
    internal static async Task<AdminServer> StartAsync(AdminConfiguration configuration, AdminToken token, GatewayService service)
    {
        AdminSocket.Prepare(configuration.Socket);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Bind(kestrel, configuration));
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        // Signals are the serve verb's business.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        WebApplication app = builder.Build();
        app.Use((context, next) => AdminGuard.CheckAsync(context, token, next));
        app.UseRouting();
        AdminRoutes.Map(app, service, app.Lifetime.ApplicationStopping);
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
        kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
        kestrel.ListenUnixSocket(configuration.Socket, options => options.Use(next => connection =>
        {
            Socket socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket;
            if (!AdminSocket.IsOwner(socket))
            {
                connection.Abort();
                return Task.CompletedTask;
            }
            connection.Features.Set(AdminGuard.Door.Instance);
            return next(connection);
        }));
        if (configuration.Http is { Address: { } address } http)
            kestrel.Listen(address, http.Port);
    }

    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
