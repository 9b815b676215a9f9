using System.Collections.Concurrent;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

/// <summary>Shards on threads of their own, devices that move between them, and many who ask.</summary>
public sealed class ConcurrencyTests : IDisposable
{
    private const int Devices = 8, Askers = 4, Operations = 400;

    private readonly DeviceDirectory _directory = new(() => Environment.TickCount64, new DirectoryOptions { QueuedPerDevice = 10_000, Patience = 60_000 });
    private readonly Shard[] _shards;

    public ConcurrencyTests() => _shards = [new Shard(_directory), new Shard(_directory)];

    public void Dispose()
    {
        foreach (Shard shard in _shards)
            shard.Dispose();
    }

    [Fact]
    public async Task Every_operation_ends_once_wherever_its_device_goes()
    {
        for (int i = 0; i < Devices; i++)
            Register(i);
        using var done = new CancellationTokenSource();
        Task mover = Task.Run(() => Move(done.Token));
        Task registrar = Task.Run(() => Renew(done.Token));
        Lwm2mAnswer[][] answers = await Task.WhenAll(Enumerable.Range(0, Askers).Select(asker => Task.Run(() => AskAll(asker))));
        await done.CancelAsync();
        await Task.WhenAll(mover, registrar);
        // A device that registered after it moved last has no association here, as none has in the gateway before it is heard.
        Move(done.Token);
        Assert.All(answers, some => Assert.Equal(Operations, some.Length));
        // The one thing that may go wrong here: the association ended again and again, or the registration did.
        Assert.All(answers.SelectMany(a => a), a => Assert.Contains(a.Failure, new[] { Lwm2mFailure.None, Lwm2mFailure.Interrupted, Lwm2mFailure.NotRegistered }));
        // Once it is calm every device answers.
        Assert.All(await Task.WhenAll(Enumerable.Range(0, Devices).Select(AskCalmly)), a => Assert.True(a.IsSuccess, a.Reason));
        Assert.Equal(0, _directory.Open);
        Assert.All(_shards, shard => Assert.Null(shard.Failure));
    }

    private async Task<Lwm2mAnswer[]> AskAll(int asker)
    {
        var all = new List<Task<Lwm2mAnswer>>();
        for (int i = 0; i < Operations; i++)
        {
            var answer = new TaskCompletionSource<Lwm2mAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
            Lwm2mVerb verb = (i % 3) switch { 0 => Lwm2mVerb.Read, 1 => Lwm2mVerb.Execute, _ => Lwm2mVerb.Observe };
            _directory.Ask($"device-{(asker + i) % Devices}", Lwm2mOperation.At(verb, new ObjectPath(3, 0, i % 5)), answer.SetResult);
            all.Add(answer.Task);
            if (i % 16 == 0)
                await Task.Yield();
        }
        return await Task.WhenAll(all).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private Task<Lwm2mAnswer> AskCalmly(int device)
    {
        var answer = new TaskCompletionSource<Lwm2mAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        _directory.Ask($"device-{device}", Lwm2mOperation.At(Lwm2mVerb.Read, new ObjectPath(3, 0, 1)), answer.SetResult);
        return answer.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    // New associations, now here, now there; the one before ends a little later, as in the gateway.
    private void Move(CancellationToken done)
    {
        var random = new Random(4);
        var before = new CoapPeer?[Devices];
        var beforeAt = new Shard?[Devices];
        for (int i = 0; !done.IsCancellationRequested || i < 2 * Devices; i++)
        {
            int device = i % Devices;
            Shard shard = _shards[random.Next(2)];
            CoapPeer peer = shard.Open($"device-{device}");
            if (before[device] is { } old)
                beforeAt[device]!.Close(old);
            (before[device], beforeAt[device]) = (peer, shard);
            Thread.Sleep(random.Next(3));
        }
    }

    private void Renew(CancellationToken done)
    {
        for (int i = 0; !done.IsCancellationRequested; i++)
        {
            if (i % 7 == 0)
                _directory.Ended($"device-{i % Devices}");
            Register(i % Devices);
            _directory.Expire();
            Thread.Sleep(5);
        }
    }

    private void Register(int device) => _directory.Registered(new DeviceRegistration
    {
        DeviceId = $"device-{device}",
        Location = "x",
        Version = "1.1",
        Lifetime = 300,
        Objects = [new ObjectLink(new ObjectPath(3303, 0), null)],
        RegisteredAt = 0,
        UpdatedAt = 0,
    });

    /// <summary>A server on a thread, and the devices that answer it.</summary>
    private sealed class Shard : ICoapChannel, IDisposable
    {
        private readonly BlockingCollection<Action> _work = [];
        private readonly DeviceShard _devices;
        private readonly Thread _thread;
        private int _answers;

        internal Shard(DeviceDirectory directory)
        {
            _devices = new DeviceShard(directory, (peer, action) => TryPost(() =>
            {
                if (peer.IsOpen)
                    action();
            }));
            _devices.Server = new CoapServer(this, new CoapServerOptions { Notifications = _devices, OnFailure = e => Failure = e });
            _thread = new Thread(Run);
            _thread.Start();
        }

        internal Exception? Failure { get; private set; }

        internal CoapPeer Open(string device)
        {
            using var opened = new ManualResetEventSlim();
            CoapPeer peer = null!;
            TryPost(() =>
            {
                peer = _devices.Server.Open(device, this);
                _devices.Attach(peer);
                _devices.Heard(peer);
                opened.Set();
            });
            opened.Wait();
            return peer;
        }

        internal void Close(CoapPeer peer) => TryPost(() =>
        {
            DeviceShard.Detach(peer);
            _devices.Server.Close(peer);
        });

        void ICoapChannel.Send(CoapPeer peer, ReadOnlySpan<byte> message)
        {
            byte[] request = message.ToArray();
            if ((request[0] & 0x30) != 0 || request[1] == 0)
                return;
            byte[] answer = DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Content, (request[2] << 8) | request[3], request[4..(4 + (request[0] & 15))], 0, "1"u8.ToArray(),
                ++_answers % 2 == 0 ? w => w.AddOption(CoapOption.Observe, 1u) : null);
            TryPost(() =>
            {
                if (!peer.IsOpen)
                    return;
                _devices.Server.Receive(peer, answer, Environment.TickCount64);
                _devices.Heard(peer);
            });
        }

        public void Dispose()
        {
            _work.CompleteAdding();
            _thread.Join();
            _work.Dispose();
        }

        private bool TryPost(Action action)
        {
            try
            {
                return _work.TryAdd(action);
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        }

        private void Run()
        {
            while (!_work.IsCompleted)
            {
                if (_work.TryTake(out Action? action, 20))
                    action();
                _devices.Server.Tick(Environment.TickCount64);
                _devices.Work(Environment.TickCount64);
            }
        }
    }
}
