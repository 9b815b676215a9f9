using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;

namespace IotPsk.Gateway.Admin;

/// <summary>The admin server where the configuration wants it, also when that changes.</summary>
internal sealed class AdminDoors : IAsyncDisposable
{
    private readonly GatewayService _service;
    private readonly AdminToken _token;
    private AdminConfiguration _configuration;
    private AdminServer _server;

    private AdminDoors(AdminConfiguration configuration, AdminToken token, GatewayService service, AdminServer server) =>
        (_configuration, _token, _service, _server) = (configuration, token, service, server);

    /// <summary>Opens them. Throws <see cref="UserError"/> when one cannot be had.</summary>
    internal static async Task<AdminDoors> OpenAsync(AdminConfiguration configuration, GatewayService service)
    {
        var token = new AdminToken();
        token.Take(AdminToken.Read(configuration.TokenFile));
        return new AdminDoors(configuration, token, service, await AdminServer.StartAsync(configuration, token, service));
    }

    /// <summary>Where they are.</summary>
    internal AdminConfiguration Configuration => _configuration;

    /// <summary>Reads the token anew, and opens others in their place. Throws <see cref="UserError"/> when that cannot be; the old ones are open then.</summary>
    internal async Task MoveAsync(AdminConfiguration next)
    {
        byte[]? hash = AdminToken.Read(next.TokenFile);
        if (next with { TokenFile = _configuration.TokenFile } != _configuration)
            await ReplaceAsync(next);
        _token.Take(hash);
        _configuration = next;
    }

    private async Task ReplaceAsync(AdminConfiguration next)
    {
        await _server.DisposeAsync();
        try
        {
            _server = await AdminServer.StartAsync(next, _token, _service);
        }
        catch (UserError)
        {
            _server = await AdminServer.StartAsync(_configuration, _token, _service);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
