using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;

namespace IotPsk.Gateway.Admin;

/// <summary>The admin server where the configuration wants it, also when that changes.</summary>
internal sealed class AdminDoors : IAsyncDisposable
{
    private readonly GatewayService _service;
    private AdminConfiguration _configuration;
    private AdminServer _server;

    private AdminDoors(AdminConfiguration configuration, GatewayService service, AdminServer server) =>
        (_configuration, _service, _server) = (configuration, service, server);

    /// <summary>Opens them. Throws <see cref="UserError"/> when one cannot be had.</summary>
    internal static async Task<AdminDoors> OpenAsync(AdminConfiguration configuration, GatewayService service) =>
        new(configuration, service, await AdminServer.StartAsync(configuration, service));

    /// <summary>Opens others in their place. Throws <see cref="UserError"/> when one cannot be had; the old ones are open then.</summary>
    internal async Task MoveAsync(AdminConfiguration next)
    {
        if (next == _configuration)
            return;
        await _server.DisposeAsync();
        try
        {
            _server = await AdminServer.StartAsync(next, _service);
            _configuration = next;
        }
        catch (UserError)
        {
            _server = await AdminServer.StartAsync(_configuration, _service);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
