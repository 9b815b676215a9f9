using System.Buffers;
using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>Writes what an upstream gets before anything of the client.</summary>
/// <param name="session">The session, handshake done.</param>
/// <param name="local">The address the client connected to.</param>
/// <param name="upstream">Gets the bytes.</param>
public delegate void UpstreamGreeting(SessionInfo session, IPEndPoint local, IBufferWriter<byte> upstream);

/// <summary>One TLS-PSK port and what stands behind it.</summary>
public sealed record TlsListenerOptions
{
    /// <summary>The name in logs, events and <see cref="SessionInfo"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Where to listen; port 0 lets the kernel choose (<see cref="TlsListener.EndPoint"/> tells). An IPv6 address takes IPv6 alone.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>
    /// The plain server behind: an <see cref="IPEndPoint"/>, or a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/>, which has no RST: there
    /// a session that broke off ends for the server as one that ended well.
    /// </summary>
    public required EndPoint Upstream { get; init; }

    /// <summary>The engine's options, shared by all connections of the listener.</summary>
    public required PskTlsServerOptions Tls { get; init; }

    /// <summary>
    /// Makes the object that reads a session's first plaintext before the upstream is connected; null connects the upstream
    /// as soon as the handshake is done. Called on shards' threads. With a prologue the protocol is taken to delimit its own
    /// messages, so a client that goes without close_notify ends the upstream by FIN; without one, by RST.
    /// </summary>
    public Func<SessionPrologue>? Prologue { get; init; }

    /// <summary>Writes what an upstream gets before the client's first byte (a PROXY header); null: nothing. Called on shards' threads.</summary>
    public UpstreamGreeting? Greeting { get; init; }

    /// <summary>How long nothing may pass either way, once the upstream is connected, before the session ends; zero, the default, is for ever.</summary>
    public TimeSpan IdleTimeout { get; init; }

    /// <summary>Connections of this listener in any state; 0, the default, is no limit.</summary>
    public int Connections { get; init; }

    /// <summary>
    /// Makes the prologue of a session that negotiated one of the application protocols of <see cref="Tls"/> (RFC 7301), in place of
    /// <see cref="Prologue"/>; null: application protocols make no difference. Called on shards' threads.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, SessionPrologue>? ProtocolPrologue { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(IdleTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(IdleTimeout, TimeSpan.FromDays(30));
        ArgumentOutOfRangeException.ThrowIfNegative(Connections);
    }
}
