using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Gateway.Serving.Mqtt;
using IotPsk.Gateway.Serving.Rekeying;
using IotPsk.Gateway.Serving.Tunnel;
using IotPsk.Net;
using IotPsk.Shared;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>
/// The open ports, and their way from one configuration to another: whoever came by a listener that stays is not disturbed, wherever it listens
/// and leads to from then on. One change at a time.
/// </summary>
internal sealed class ListenerSet(ShardSet shards, SessionEvents events, AssociationKeeper associations, Lwm2mDevices lwm2m, RekeyDesk rekeying, ILogger log)
{
    // Header, connection id, nonce and tag of a record find room beside it.
    private const int LargestRecord = DatagramListenerOptions.LargestDatagram - 96;

    private static readonly ReadOnlyMemory<byte>[] Protocols = [Encoding.ASCII.GetBytes(RekeyMessage.Protocol)];
    private volatile Port[] _ports = [];
    private volatile string[] _names = [];

    internal IEnumerable<TlsListener> Tls => _ports.Select(port => port.Tls).OfType<TlsListener>();

    internal IEnumerable<DatagramListener> Datagrams => _ports.Select(port => port.Datagrams).OfType<DatagramListener>();

    /// <summary>A listener of this name is open, or being opened.</summary>
    internal bool Has(string name) => Array.IndexOf(_names, name) >= 0;

    /// <summary>Opens, closes and changes listeners until they are what is configured; all or nothing.</summary>
    /// <exception cref="UserError">An upstream's name has no address, or an address cannot be had: the listeners are as they were.</exception>
    internal async Task ChangeAsync(IReadOnlyList<ListenerConfiguration> configured, LimitsConfiguration limits, TicketOptions? tickets)
    {
        var terms = new Terms(limits, tickets, Resolve(configured), Passwords(configured));
        Port[] before = _ports;
        ListenerConfiguration[] added = [.. configured.Where(listener => !Array.Exists(before, port => IsSame(port.Configuration, listener)))];
        Port[] leaving = [.. before.Where(port => !configured.Any(listener => IsSame(port.Configuration, listener)))];
        Port[] kept = [.. before.Except(leaving)];
        foreach (ListenerConfiguration listener in added)
            Probe(listener, before);
        _names = [.. before.Select(port => port.Configuration.Name), .. added.Select(listener => listener.Name)];
        Port[] opened = await ReplaceAsync(leaving, added, terms);
        // Those that keep their address get the rest of what is new, in the order of the configuration.
        _ports = [.. configured.Select(listener => Array.Find(opened, port => port.Configuration == listener)
            ?? Update(Array.Find(kept, port => IsSame(port.Configuration, listener))!, listener, terms))];
        _names = [.. configured.Select(listener => listener.Name)];
        foreach (Port port in leaving)
            await port.CloseAsync();
        string[] removed = [.. leaving.Select(port => port.Configuration).Where(old => !configured.Any(listener => Continues(old, listener))).Select(old => old.Name)];
        if (removed.Length > 0)
            await shards.CloseSessionsAsync(session => removed.Contains(session.Listener, StringComparer.Ordinal), CloseReason.ListenerRemoved);
    }

    /// <summary>Leaves the associations to the next run.</summary>
    internal async Task SuspendAsync()
    {
        foreach (DatagramListener listener in Datagrams)
            await associations.SuspendAsync(listener);
    }

    /// <summary>One line for the log.</summary>
    public override string ToString() => string.Join(", ", [
        .. Tls.Select(l => $"{l.Name} on {l.EndPoint} to {l.Options.Upstream}"),
        .. Datagrams.Select(l => $"{l.Name} on udp {l.EndPoint}"),
    ]);

    // What an open port keeps; all else of it can change.
    private static bool IsSame(ListenerConfiguration one, ListenerConfiguration other) =>
        Continues(one, other) && one.Listen == other.Listen && one.Echo == other.Echo;

    /// <summary>What came by the one may go on by the other.</summary>
    private static bool Continues(ListenerConfiguration one, ListenerConfiguration other) => one.Name == other.Name && one.Protocol == other.Protocol;

    private static Dictionary<string, EndPoint> Resolve(IEnumerable<ListenerConfiguration> configured) => configured
        .Where(listener => listener.Upstream is not null)
        .ToDictionary(listener => listener.Name, listener => listener.Upstream!.Value.Resolve($"the Upstream of listener {listener.Name}"), StringComparer.Ordinal);

    private static Dictionary<string, byte[]?> Passwords(IEnumerable<ListenerConfiguration> configured) => configured
        .Where(listener => listener.Protocol == ListenerProtocol.Mqtt)
        .ToDictionary(listener => listener.Name, listener => BrokerPassword.Read(listener.PasswordFile), StringComparer.Ordinal);

    // Associations that move are lost if their new port cannot be had: that is found out before they leave the old one.
    private static void Probe(ListenerConfiguration listener, Port[] before)
    {
        if (listener.Protocol != ListenerProtocol.Lwm2m || Array.Exists(before, port => Overlaps(port.Configuration, listener)))
            return;
        var address = new IPEndPoint(listener.Listen.Address!, listener.Listen.Port);
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(address);
        }
        catch (SocketException e)
        {
            throw new UserError($"Listener '{listener.Name}' cannot listen on {address}: {e.Message}", $"the Listen of listener {listener.Name}", "stop what holds the port, or choose another", cause: e);
        }
    }

    private static bool Overlaps(ListenerConfiguration one, ListenerConfiguration other) =>
        one.Listen.Scheme == other.Listen.Scheme && one.Listen.Port == other.Listen.Port;

    private async Task<Port[]> ReplaceAsync(Port[] leaving, ListenerConfiguration[] added, Terms terms)
    {
        List<Port> closed = [], opened = [];
        try
        {
            foreach (Port port in leaving.Where(port => added.Any(listener => Overlaps(port.Configuration, listener) || Moves(port, listener))))
            {
                closed.Add(port);
                if (port.Datagrams is { } datagrams && added.Any(listener => Moves(port, listener)))
                    await associations.SuspendAsync(datagrams);
                // Also one whose associations could not be kept.
                await port.CloseAsync();
            }
            // Associations cannot be given back: they come when nothing else can go wrong.
            foreach (ListenerConfiguration listener in added.OrderBy(each => each.Protocol == ListenerProtocol.Lwm2m))
                opened.Add(await OpenAsync(listener, terms));
            return [.. opened];
        }
        catch (ListenException e)
        {
            foreach (Port port in opened)
                await port.CloseAsync();
            await ReopenAsync(closed);
            _names = [.. _ports.Select(port => port.Configuration.Name)];
            throw UserError.Several([e.Message]);
        }
    }

    private static bool Moves(Port port, ListenerConfiguration listener) => port.Datagrams is not null && Continues(port.Configuration, listener);

    // They were open a moment ago.
    private async Task ReopenAsync(List<Port> closed)
    {
        foreach (Port port in closed)
        {
            try
            {
                Port again = port.Tls is { } tls
                    ? port with { Tls = shards.Listen(tls.Options) }
                    : port with { Datagrams = shards.Listen(port.Datagrams!.Options, await associations.TakeAsync(port.Configuration.Name)) };
                _ports = [.. _ports.Select(each => ReferenceEquals(each, port) ? again : each)];
            }
            catch (ListenException e)
            {
                _ports = [.. _ports.Where(each => !ReferenceEquals(each, port))];
                log.Problem(e.Message);
            }
        }
    }

    private async Task<Port> OpenAsync(ListenerConfiguration listener, Terms terms) => listener.Protocol == ListenerProtocol.Lwm2m
        ? new Port(listener, null, shards.Listen(DatagramOptions(listener, terms), await associations.TakeAsync(listener.Name)))
        : new Port(listener, shards.Listen(TlsOptions(listener, terms)), null);

    private Port Update(Port port, ListenerConfiguration listener, Terms terms)
    {
        port.Tls?.Update(TlsOptions(listener, terms));
        port.Datagrams?.Update(DatagramOptions(listener, terms));
        return port with { Configuration = listener };
    }

    private TlsListenerOptions TlsOptions(ListenerConfiguration listener, Terms terms) => new()
    {
        Name = listener.Name,
        Listen = new IPEndPoint(listener.Listen.Address!, listener.Listen.Port),
        Upstream = terms.Upstreams[listener.Name],
        Tls = new PskTlsServerOptions
        {
            AllowPskKe = listener.AllowPskKe,
            AllowTls12 = listener.AllowTls12,
            Tickets = terms.Tickets,
            // What else clients may speak is between them and the upstream.
            ApplicationProtocols = Protocols,
            RequireApplicationProtocol = false,
        },
        Greeting = listener.ProxyProtocol ? ProxyHeader.Write : null,
        IdleTimeout = TimeSpan.FromSeconds(listener.IdleSeconds),
        Connections = listener.MaxConnections,
        Prologue = Prologue(listener, terms),
        ProtocolPrologue = _ => new RekeyPrologue(rekeying),
    };

    private Func<SessionPrologue>? Prologue(ListenerConfiguration listener, Terms terms)
    {
        if (listener.Protocol != ListenerProtocol.Mqtt)
            return null;
        byte[]? password = terms.Passwords[listener.Name];
        return () => new MqttPrologue(events.ConnectRefused, password);
    }

    private DatagramListenerOptions DatagramOptions(ListenerConfiguration listener, Terms terms) => new()
    {
        Name = listener.Name,
        Listen = new IPEndPoint(listener.Listen.Address!, listener.Listen.Port),
        Dtls = new PskDtlsServerOptions { Tickets = terms.Tickets, RecordSizeLimit = LargestRecord },
        Application = shard => new CoapApplication(shard, listener.Echo, lwm2m, log),
        // A client of the RFC 7925 profile repeats what got lost after 9 seconds: where TCP does with one limit, this takes six.
        Limits = new DatagramLimits { HandshakeTimeout = TimeSpan.FromSeconds(6 * terms.Limits.HandshakeSeconds) },
    };

    private sealed record Port(ListenerConfiguration Configuration, TlsListener? Tls, DatagramListener? Datagrams)
    {
        internal Task CloseAsync() => Tls?.CloseAsync() ?? Datagrams!.CloseAsync();
    }

    private sealed record Terms(LimitsConfiguration Limits, TicketOptions? Tickets, Dictionary<string, EndPoint> Upstreams, Dictionary<string, byte[]?> Passwords);
}
