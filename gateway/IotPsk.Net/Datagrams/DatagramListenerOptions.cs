using System.Net;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>One DTLS-PSK port and what stands behind it.</summary>
public sealed record DatagramListenerOptions
{
    /// <summary>Larger datagrams are dropped, in bytes of UDP payload. The engine's RecordSizeLimit should leave room for what protects a record.</summary>
    public const int LargestDatagram = 4096;

    /// <summary>The name in logs, events and <see cref="SessionInfo"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Where to listen; port 0 lets the kernel choose (<see cref="DatagramListener.EndPoint"/> tells). An IPv6 address takes IPv6 alone.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>The engine's options, shared by all associations of the listener.</summary>
    public required PskDtlsServerOptions Dtls { get; init; }

    /// <summary>Makes what serves the associations of one shard; called once for each, before any datagram is taken.</summary>
    public required Func<DatagramShard, IDatagramApplication> Application { get; init; }

    /// <summary>What peers may use.</summary>
    public DatagramLimits Limits { get; init; } = new();

    /// <summary>
    /// The first byte of every connection id given out: a load balancer that knows it finds the gateway of a device whose
    /// address has changed. Default 0.
    /// </summary>
    public byte NodeId { get; init; }

    /// <summary>
    /// Largest datagram sent, in bytes of UDP payload, 256..4096. Default 1232: what every IPv6 path carries (RFC 8200 s5).
    /// </summary>
    public int Mtu { get; init; } = 1232;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Listen);
        ArgumentNullException.ThrowIfNull(Dtls);
        ArgumentNullException.ThrowIfNull(Application);
        ArgumentOutOfRangeException.ThrowIfLessThan(Mtu, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Mtu, LargestDatagram);
        Limits.Validate();
    }
}
