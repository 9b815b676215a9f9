using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

/// <summary>What a device costs that is registered, observed and idle. The association below it has 1 kB of its own.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public class MemoryTests : ICoapChannel, IRegistrationEvents
{
    private readonly Queue<byte[]> _sent = new();
    private readonly DeviceDirectory _directory = new(() => 1000);
    private int _messageId;

    void ICoapChannel.Send(CoapPeer peer, ReadOnlySpan<byte> message) => _sent.Enqueue(message.ToArray());

    void IRegistrationEvents.Registered(DeviceRegistration registration) => _directory.Registered(registration);

    void IRegistrationEvents.Ended(DeviceRegistration registration, RegistrationEnd reason) => _directory.Ended(registration.DeviceId);

    [Fact]
    public void A_registered_device_with_an_observation_takes_less_than_1200_bytes()
    {
        // With 100 000 it is 940 bytes each.
        const int Devices = 10_000;
        var store = new RegistrationStore(this);
        var shard = new DeviceShard(_directory, (_, action) =>
        {
            action();
            return true;
        });
        var server = shard.Server = new CoapServer(this, new CoapServerOptions { Notifications = shard });
        server.Map(RegistrationResource.Path, new RegistrationResource(store, () => 1000, shard.Attach), andBelow: true);
        var peers = new CoapPeer[Devices];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Devices; i++)
            peers[i] = Register(server, shard, $"sensor-{i:000000}");
        // What may come again for four minutes, and then no more.
        server.Tick(1000 + 300_000);
        long perDevice = (GC.GetTotalMemory(forceFullCollection: true) - before) / Devices;
        Assert.Equal((Devices, "/3303/0"), (store.Count, _directory.FindActive($"sensor-{Devices - 1:000000}")[0][0].ToString()));
        Assert.True(perDevice < 1200, $"{perDevice} bytes per device");
        GC.KeepAlive(peers);
    }

    private CoapPeer Register(CoapServer server, DeviceShard shard, string device)
    {
        CoapPeer peer = server.Open(device, null);
        Receive(server, shard, peer, DeviceLab.Message(CoapType.Confirmable, CoapCode.Post, ++_messageId & 0xffff, [1], CoapContentFormat.LinkFormat,
            "</>;rt=\"oma.lwm2m\";ct=\"110 112\",</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>"u8.ToArray(), w => CoapPath.Add(w, "/rd"), w =>
            {
                w.AddOption(CoapOption.UriQuery, "ep=" + device);
                w.AddOption(CoapOption.UriQuery, "lt=86400");
                w.AddOption(CoapOption.UriQuery, "lwm2m=1.1");
            }));
        _sent.Dequeue();
        byte[] observe = _sent.Dequeue();
        Receive(server, shard, peer, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Content, (observe[2] << 8) | observe[3], observe[4..12], 110,
            "[{\"n\":\"/3303/0/5700\",\"v\":21.5}]"u8.ToArray(), w => w.AddOption(CoapOption.Observe, 1u)));
        return peer;
    }

    private static void Receive(CoapServer server, DeviceShard shard, CoapPeer peer, byte[] message)
    {
        server.Receive(peer, message, 1000);
        shard.Heard(peer);
        shard.Work(1000);
    }
}
