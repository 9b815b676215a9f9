using IotPsk.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>TLS with pre-shared keys for programs on Kestrel.</summary>
public static class TlsPskListenOptionsExtensions
{
    /// <summary>Protects a port by TLS with pre-shared keys. <see cref="ITlsPskFeature"/> tells who is connected.</summary>
    /// <param name="listen">The port.</param>
    /// <param name="configure">Sets at least <see cref="TlsPskOptions.FindKey"/>.</param>
    /// <exception cref="ArgumentException">Nobody finds keys.</exception>
    public static ListenOptions UseTlsPsk(this ListenOptions listen, Action<TlsPskOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(listen);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new TlsPskOptions();
        configure(options);
        if (options.FindKey is null)
            throw new ArgumentException($"Set {nameof(TlsPskOptions)}.{nameof(TlsPskOptions.FindKey)}: without it no client has a key.", nameof(configure));
        ILogger log = listen.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("IotPsk.Net.TlsPsk");
        listen.Use(next => new TlsPskMiddleware(next, options, log).OnConnectionAsync);
        return listen;
    }
}
