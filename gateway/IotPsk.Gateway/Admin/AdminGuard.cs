using System.Net;
using Microsoft.AspNetCore.Http;

namespace IotPsk.Gateway.Admin;

/// <summary>
/// Who may do what. The socket's owner may do everything: the kernel told who it is. On loopback everybody may read health and numbers; the rest
/// takes the token. A web page in somebody's browser may do nothing: neither by a name that leads here, nor by a request from another origin.
/// </summary>
internal static class AdminGuard
{
    /// <summary>The mark of a connection that came through the Unix socket.</summary>
    internal sealed class Door
    {
        internal static readonly Door Instance = new();
    }

    internal static Task CheckAsync(HttpContext context, AdminToken token, RequestDelegate next)
    {
        // Whether it is ready is no secret, and probes name whatever host they were told.
        if (context.Features.Get<Door>() is not null || context.Request.Path.Value == "/healthz")
            return next(context);
        if (!IsThisMachine(context.Request.Host) || context.Request.Headers.ContainsKey("Origin") || IsFromElsewhere(context.Request.Headers["Sec-Fetch-Site"]))
            return Refuse(context, StatusCodes.Status403Forbidden);
        if (context.Request.Path.Value == "/metrics")
            return next(context);
        if (!token.IsSet)
            return Refuse(context, StatusCodes.Status404NotFound);
        if (token.IsShownBy(context.Request.Headers.Authorization))
            return next(context);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Refuse(context, StatusCodes.Status401Unauthorized);
    }

    // DNS rebinding: a foreign name that resolves to loopback still stands in the Host header. A browser always sends one.
    private static bool IsThisMachine(HostString host) =>
        !host.HasValue || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    // "none": typed by the user; absent: no browser.
    private static bool IsFromElsewhere(string? site) => site is not (null or "none" or "same-origin");

    private static Task Refuse(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
