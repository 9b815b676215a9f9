using System.Collections.Concurrent;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Support;

/// <summary>A broker behind in-memory connections: it keeps what it gets and answers as it is told to.</summary>
internal sealed class FakeBroker : IConnector
{
    private readonly ConcurrentQueue<Func<IByteChannel>> _next = new();

    public string DeviceId => "sensor-1";

    /// <summary>What arrived: "CONNECT id", "PUBLISH topic payload [dup]", "SUBSCRIBE filter", "DISCONNECT".</summary>
    internal BlockingCollection<string> Log { get; } = [];

    internal bool Acknowledges { get; set; } = true;

    /// <summary>What it grants to those who subscribe.</summary>
    internal byte SubscriptionCode { get; set; } = 1;

    /// <summary>Connections made so far, the last one at the end.</summary>
    internal List<Connection> Connections { get; } = [];

    /// <summary>The next attempt fails like this.</summary>
    internal void FailNext(PskError error) => _next.Enqueue(() => throw new PskException(error));

    /// <summary>The next attempt is answered with this CONNACK.</summary>
    internal void RefuseNext(byte code) => _next.Enqueue(() => Open(code));

    public IByteChannel Connect(out TlsConnectionInfo info)
    {
        info = new TlsConnectionInfo(new int[TlsConnectionInfo.ItemCount]);
        return _next.TryDequeue(out Func<IByteChannel>? make) ? make() : Open(0);
    }

    /// <summary>What re-keying brings: the epoch, or why there is none.</summary>
    internal Func<int> Rekeys { get; set; } = () => throw new PskException(PskError.NoRekeying);

    public int Rekey() => Rekeys();

    /// <summary>Whether the client gave up connecting.</summary>
    internal bool IsCancelled { get; private set; }

    public void Cancel() => IsCancelled = true;

    internal string Take()
    {
        Assert.True(Log.TryTake(out string? line, TimeSpan.FromSeconds(20)), "the broker hears something");
        return line;
    }

    /// <summary>A connection that somebody else carries over a network.</summary>
    internal Connection Accept() => Open(ConnAck);

    /// <summary>What connections over a network are answered with.</summary>
    internal byte ConnAck { get; set; }

    private Connection Open(byte connAck)
    {
        var connection = new Connection(this, connAck);
        lock (Connections)
            Connections.Add(connection);
        return connection;
    }

    internal sealed class Connection(FakeBroker broker, byte connAck) : IByteChannel
    {
        private readonly BlockingCollection<byte[]> _outgoing = [];
        private byte[] _rest = [];

        /// <summary>Sends; what goes to a client that has gone is lost.</summary>
        internal void Deliver(params byte[] bytes)
        {
            try
            {
                _outgoing.Add(bytes);
            }
            catch (InvalidOperationException) when (_outgoing.IsAddingCompleted)
            {
            }
        }

        /// <summary>The next answer of the broker, if there is one.</summary>
        internal bool TryTakeAnswer(out byte[]? answer) => _outgoing.TryTake(out answer);

        /// <summary>As a lost network does it.</summary>
        internal void Break() => _outgoing.CompleteAdding();

        public int Receive(byte[] buffer, int offset, int count, int timeout)
        {
            if (_rest.Length == 0)
            {
                try
                {
                    _rest = _outgoing.Take();
                }
                catch (InvalidOperationException)
                {
                    throw new PskException(PskError.ConnectionLost);
                }
            }
            int n = Math.Min(count, _rest.Length);
            Array.Copy(_rest, 0, buffer, offset, n);
            _rest = _rest[n..];
            return n;
        }

        public void Send(byte[] buffer, int offset, int count)
        {
            if (_outgoing.IsAddingCompleted)
                throw new PskException(PskError.ConnectionLost);
            byte[] packet = buffer[offset..(offset + count)];
            Assert.Equal(MqttReadStatus.Complete, MqttFixedHeader.TryRead(packet, 0, packet.Length, out MqttFixedHeader header));
            Assert.Equal(packet.Length, header.HeaderLength + header.RemainingLength);
            Answer(header, packet);
        }

        public void Close() => _outgoing.CompleteAdding();

        private void Answer(MqttFixedHeader header, byte[] packet)
        {
            switch (header.Type)
            {
                case MqttPacketType.Connect:
                    var connect = new MqttConnect();
                    Assert.True(connect.TryRead(header, packet, header.HeaderLength));
                    broker.Log.Add($"CONNECT {connect.ClientId}");
                    Deliver(0x20, 2, 0, connAck);
                    break;
                case MqttPacketType.Subscribe:
                    var subscribe = new MqttSubscribe();
                    Assert.True(subscribe.TryRead(header, packet, header.HeaderLength));
                    broker.Log.Add($"SUBSCRIBE {subscribe.Filter}");
                    Deliver(0x90, 3, (byte)(subscribe.PacketId >> 8), (byte)subscribe.PacketId, broker.SubscriptionCode);
                    break;
                case MqttPacketType.Publish:
                    var publish = new MqttPublish();
                    Assert.True(publish.TryRead(header, packet, header.HeaderLength));
                    broker.Log.Add($"PUBLISH {publish.Topic} {Encoding.UTF8.GetString(publish.Payload, publish.PayloadOffset, publish.PayloadCount)}{(publish.IsDuplicate ? " dup" : "")}");
                    if (broker.Acknowledges)
                        Deliver(0x40, 2, (byte)(publish.PacketId >> 8), (byte)publish.PacketId);
                    break;
                default:
                    broker.Log.Add(header.Type.ToString().ToUpperInvariant());
                    break;
            }
        }
    }
}
