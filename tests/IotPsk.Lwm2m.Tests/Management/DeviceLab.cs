using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

/// <summary>A directory with two shards, a device whose part the test plays, and one clock for all.</summary>
internal sealed class DeviceLab : ICoapChannel, IDeviceEvents
{
    private readonly Queue<(int Shard, CoapPeer Peer, Action Action)> _posted = new();
    private readonly CoapReader _reader = new();
    private readonly DeviceShard[] _shards;
    private int _messageId;

    internal DeviceLab(DirectoryOptions? options = null)
    {
        options ??= new DirectoryOptions();
        Directory = new DeviceDirectory(() => Now, new DirectoryOptions
        {
            Observe = options.Observe, QueuedPerDevice = options.QueuedPerDevice, QueuedInAll = options.QueuedInAll, QueuedBytes = options.QueuedBytes, ObservationsPerDevice = options.ObservationsPerDevice,
            Events = this, MaxBody = options.MaxBody,
        });
        _shards = [.. Enumerable.Range(0, 2).Select(MakeShard)];
    }

    internal DeviceDirectory Directory { get; }

    internal long Now { get; set; } = 1_700_000_000_000;

    /// <summary>What the gateway sent and the test has not looked at.</summary>
    internal Queue<(CoapPeer Peer, byte[] Message)> Sent { get; } = new();

    internal List<string> Values { get; } = [];

    internal List<string> Refusals { get; } = [];

    internal List<string> Changes { get; } = [];

    /// <summary>Null: answered by the test, by <see cref="Takers"/>.</summary>
    internal bool? Takes { get; set; } = true;

    internal Queue<Action<bool>> Takers { get; } = new();

    /// <summary>What was brought last is safe, or is not.</summary>
    internal void Take(bool taken)
    {
        Takers.Dequeue()(taken);
        Run();
    }

    internal CoapServer Server(int shard = 0) => _shards[shard].Server;

    internal CoapPeer Connect(int shard = 0, string device = "device-1")
    {
        CoapPeer peer = Server(shard).Open(device, shard);
        _shards[shard].Attach(peer);
        _shards[shard].Work(Now);
        return peer;
    }

    internal void Disconnect(CoapPeer peer)
    {
        DeviceShard.Detach(peer);
        Server((int)peer.Owner!).Close(peer);
        _shards[(int)peer.Owner!].Work(Now);
        Run();
    }

    internal DeviceRegistration Register(CoapPeer? peer = null, string version = "1.1", string objects = "/3/0", bool queueMode = false, string device = "device-1", params int[] formats)
    {
        var registration = new DeviceRegistration
        {
            DeviceId = device,
            Location = "abc",
            Version = version,
            Lifetime = 300,
            IsQueueMode = queueMode,
            ContentFormats = formats,
            Objects = [.. objects.Split(' ').Select(text => new ObjectLink(Path(text), null))],
            RegisteredAt = Now,
            UpdatedAt = Now,
        };
        Directory.Registered(registration);
        if (peer is null)
            return registration;
        _shards[(int)peer.Owner!].Attach(peer);
        Heard(peer);
        return registration;
    }

    /// <summary>The device says something that needs no answer here: a sign of life.</summary>
    internal void Heard(CoapPeer peer)
    {
        DeviceShard shard = _shards[(int)peer.Owner!];
        shard.Heard(peer);
        shard.Work(Now);
        Run();
    }

    internal List<Lwm2mAnswer> Ask(Lwm2mVerb verb, string paths, string device = "device-1", Func<Lwm2mOperation, Lwm2mOperation>? more = null) =>
        AskPending(verb, paths, device, more).Answers;

    internal (List<Lwm2mAnswer> Answers, PendingOperation Pending) AskPending(Lwm2mVerb verb, string paths, string device = "device-1", Func<Lwm2mOperation, Lwm2mOperation>? more = null)
    {
        var answers = new List<Lwm2mAnswer>();
        var operation = new Lwm2mOperation { Verb = verb, Paths = [.. paths.Split(' ').Select(Path)] };
        PendingOperation pending = Directory.Ask(device, more?.Invoke(operation) ?? operation, answers.Add);
        Run();
        return (answers, pending);
    }

    /// <summary>The next message that the gateway sent, as text without its ids and token.</summary>
    internal string Next(out CoapPeer peer, out byte[] message)
    {
        (peer, message) = Sent.Dequeue();
        return Tell(message);
    }

    internal string Next() => Next(out _, out _);

    /// <summary>The device answers the next message of the gateway, with its acknowledgement.</summary>
    internal string Answer(CoapCode code, int format = -1, byte[]? payload = null, Action<CoapWriter>? early = null, Action<CoapWriter>? late = null)
    {
        string text = Next(out CoapPeer peer, out byte[] request);
        byte[] token = request[4..(4 + (request[0] & 15))];
        Receive(peer, Message(CoapType.Acknowledgement, code, (request[2] << 8) | request[3], token, format, payload, early, late));
        return text;
    }

    internal string Answer(CoapCode code, int format, string payload, Action<CoapWriter>? early = null, Action<CoapWriter>? late = null) =>
        Answer(code, format, Encoding.UTF8.GetBytes(payload), early, late);

    /// <summary>The device notifies; what the gateway sends because of it is told.</summary>
    internal string Notify(CoapPeer peer, byte[] token, int sequence, int format, string payload, CoapType type = CoapType.Confirmable, int id = 0, CoapCode code = CoapCode.Content, Action<CoapWriter>? late = null)
    {
        int before = Sent.Count;
        Receive(peer, Message(type, code, id == 0 ? ++_messageId : id, token, format, Encoding.UTF8.GetBytes(payload), sequence < 0 ? null : w => w.AddOption(CoapOption.Observe, (uint)sequence), late));
        return string.Join(" + ", Sent.Skip(before).Select(s => Tell(s.Message)));
    }

    internal void Receive(CoapPeer peer, byte[] message)
    {
        DeviceShard shard = _shards[(int)peer.Owner!];
        shard.Server.Receive(peer, message, Now);
        shard.Heard(peer);
        shard.Work(Now);
        Run();
    }

    /// <summary>Time passes, with every timer on its way.</summary>
    internal void Pass(long milliseconds)
    {
        long end = Now + milliseconds;
        while (true)
        {
            long next = Math.Min(end, _shards.Min(s => s.Server.OutgoingDeadline));
            Now = Math.Max(Now, next);
            foreach (DeviceShard shard in _shards)
            {
                shard.Server.Tick(Now);
                shard.Work(Now);
            }
            Directory.Expire();
            Run();
            if (Now >= end && _shards.All(s => s.Server.OutgoingDeadline > Now))
                return;
        }
    }

    /// <summary>Does what was handed over to shards.</summary>
    internal void Run()
    {
        while (_posted.TryDequeue(out var posted))
        {
            if (posted.Peer.IsOpen)
                posted.Action();
            _shards[posted.Shard].Work(Now);
        }
    }

    internal static byte[] Token(string path)
    {
        ObjectPath p = Path(path);
        return [.. new[] { p.ObjectId, p.InstanceId, p.ResourceId, p.ResourceInstanceId }.SelectMany(id => new[] { (byte)(id >> 8), (byte)id })];
    }

    internal static byte[] Message(CoapType type, CoapCode code, int id, byte[] token, int format = -1, byte[]? payload = null, Action<CoapWriter>? early = null, Action<CoapWriter>? late = null)
    {
        byte[] buffer = new byte[4000];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, type, code, id, token, 0, token.Length);
        early?.Invoke(writer);
        if (format >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)format);
        late?.Invoke(writer);
        writer.WritePayload(payload ?? [], 0, payload?.Length ?? 0);
        return buffer[..writer.Length];
    }

    void ICoapChannel.Send(CoapPeer peer, ReadOnlySpan<byte> message) => Sent.Enqueue((peer, message.ToArray()));

    void IDeviceEvents.Received(string deviceId, ValueSource source, IReadOnlyList<SenmlRecord> records, Action<bool> taken)
    {
        Values.Add($"{source} {deviceId} " + string.Join(' ', records.Select(Tell)));
        if (Takes is { } now)
            taken(now);
        else
            Takers.Enqueue(taken);
    }

    void IDeviceEvents.Refused(string deviceId, string problem) => Refusals.Add(problem);

    void IDeviceEvents.ObservationsChanged(string deviceId) => Changes.Add(string.Join(", ", Directory.FindExplicit(deviceId).Select(paths => string.Join(' ', paths))));

    internal static string Tell(SenmlRecord record) => record.Name + "=" + record.Kind switch
    {
        SenmlKind.Data => Convert.ToHexStringLower(record.Data),
        SenmlKind.Flag => record.Flag ? "true" : "false",
        SenmlKind.Number or SenmlKind.WholeNumber => FormattableString.Invariant($"{record.Number}"),
        _ => record.Text,
    } + (record.Unit ?? "");

    private static ObjectPath Path(string text) => ObjectPath.TryParse(text, out ObjectPath path) ? path : throw new ArgumentException(text, nameof(text));

    private string Tell(byte[] message)
    {
        Assert.Equal(CoapFormatError.None, _reader.Read(message, 0, message.Length));
        var text = new StringBuilder(_reader.Type == CoapType.Confirmable && CoapCodes.IsRequest(_reader.Code) ? _reader.Code.ToString().ToUpperInvariant() + " " + CoapPath.Format(_reader)
            : _reader.Type == CoapType.Reset ? "RST" : _reader.Type == CoapType.Acknowledgement ? "ACK " + CoapCodes.Format(_reader.Code) : "? " + CoapCodes.Format(_reader.Code));
        _reader.RewindOptions();
        while (_reader.ReadOption())
        {
            string? name = _reader.OptionNumber switch
            {
                CoapOption.Observe => "observe", CoapOption.ContentFormat => "format", CoapOption.Accept => "accept", CoapOption.Block1 => "block1", CoapOption.Block2 => "block2", CoapOption.Size1 => "size1",
                _ => null,
            };
            if (name is not null && _reader.TryGetUInt(out uint value))
                text.Append(' ').Append(name).Append('=').Append(name.StartsWith("block", StringComparison.Ordinal) && CoapBlock.TryRead(value, out CoapBlock block) ? $"{block.Number}/{(block.More ? 1 : 0)}/{block.Size}" : value);
        }
        if (_reader.PayloadCount is > 0 and < 200)
            text.Append(" '").Append(Encoding.UTF8.GetString(message, _reader.PayloadOffset, _reader.PayloadCount)).Append('\'');
        return text.ToString();
    }

    private DeviceShard MakeShard(int index)
    {
        var shard = new DeviceShard(Directory, (peer, action) =>
        {
            _posted.Enqueue((index, peer, action));
            return true;
        });
        shard.Server = new CoapServer(this, new CoapServerOptions { Notifications = shard, Random = new Random(index), OnFailure = e => throw new InvalidOperationException("a listener failed", e) });
        shard.Server.Map(SendResource.Path, new SendResource(shard));
        return shard;
    }
}
