using System.Globalization;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli.Tunnel;

/// <summary>Where a tunnel leads, and what its connections may be.</summary>
internal sealed record TunnelOptions
{
    /// <summary>The server's name or IP address.</summary>
    internal required string Host { get; init; }

    /// <summary>1..65535.</summary>
    internal required int Port { get; init; }

    /// <summary>The key of every connection that no ticket resumes.</summary>
    internal required PskTlsCredential Key { get; init; }

    internal PskKeyExchangeMode Mode { get; init; } = PskKeyExchangeMode.PskDheKe;

    /// <summary>How long nothing may pass either way; zero is for ever.</summary>
    internal TimeSpan IdleTimeout { get; init; }

    /// <summary>Connections at once; more wait in the queue of the system.</summary>
    internal int MaxConnections { get; init; } = 1000;

    internal string Where => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
