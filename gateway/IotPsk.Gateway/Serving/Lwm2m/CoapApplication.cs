using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Net;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>Joins the associations of one shard and its CoAP server. All of it runs on the shard's thread.</summary>
internal sealed class CoapApplication : IDatagramApplication, ICoapChannel
{
    private readonly DatagramShard _shard;
    private readonly CoapServer _server;
    private readonly DeviceShard _devices;
    private long _alarm = long.MaxValue;

    /// <param name="shard">Whose associations it serves.</param>
    /// <param name="echo">Serves <c>/echo</c>, for load tests.</param>
    /// <param name="devices">Whose registrations it serves.</param>
    /// <param name="log">Is told what a resource threw.</param>
    internal CoapApplication(DatagramShard shard, bool echo, Lwm2mDevices devices, ILogger log)
    {
        _shard = shard;
        _devices = new DeviceShard(devices.Directory, Post);
        _server = new CoapServer(this, new CoapServerOptions { OnFailure = log.Fault, Notifications = _devices });
        _devices.Server = _server;
        devices.Map(_server, _devices);
        if (echo)
            _server.Map("/echo", new EchoResource());
    }

    public void Opened(DatagramSession session)
    {
        CoapPeer peer = _server.Open(((DeviceGrant)session.Tag!).Key.DeviceId, session);
        peer.MaxMessageSize = session.MaxPlaintext;
        peer.Path = session.Path;
        session.State = peer;
        _devices.Attach(peer);
        Work();
    }

    public void Received(DatagramSession session, ReadOnlySpan<byte> plaintext)
    {
        var peer = (CoapPeer)session.State!;
        bool isNewPath = peer.Path != session.Path;
        peer.Path = session.Path;
        if (_server.Receive(peer, plaintext, _shard.Now))
            session.ConfirmPath(session.Path);
        // A device that only asks proves nothing by it: it is asked for a sign of life, once for each address.
        else if (isNewPath && session.IsPathUnproved)
            _server.Probe(peer, _shard.Now);
        _devices.Heard(peer);
        Work();
    }

    public void Alarm()
    {
        _alarm = long.MaxValue;
        _server.Tick(_shard.Now);
        Work();
    }

    public void Closed(DatagramSession session, CloseReason reason)
    {
        if (session.State is CoapPeer peer)
        {
            DeviceShard.Detach(peer);
            _server.Close(peer);
        }
        session.State = null;
        Work();
    }

    // A message that cannot go now is one that was lost: who waits for its acknowledgement sends it again.
    public void Send(CoapPeer peer, ReadOnlySpan<byte> message) => ((DatagramSession)peer.Owner!).Send(message);

    // From any thread; skipped if the association is closed by then.
    private bool Post(CoapPeer peer, Action action) => ((DatagramSession)peer.Owner!).TryPost(_ =>
    {
        action();
        Work();
    });

    private void Work()
    {
        _devices.Work(_shard.Now);
        long deadline = _server.Deadline;
        if (deadline == _alarm)
            return;
        _alarm = deadline;
        _shard.SetAlarm(deadline);
    }
}
