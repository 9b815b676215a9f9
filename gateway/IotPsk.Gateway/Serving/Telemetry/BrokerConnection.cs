using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using IotPsk.Shared;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// One connection to the broker (MQTT 3.1.1), from CONNECT to its end. One loop sends, one receives. What the broker does not read is not read
/// from the disk either, and when it floods us, it is not read.
/// </summary>
internal sealed class BrokerConnection : IAsyncDisposable
{
    private const int MaxAnswers = 1000;
    // Sent again it can be on another connection only (MQTT 3.1.1 s4.4); until then it holds up those behind it.
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Tick = TimeSpan.FromSeconds(1);

    private readonly BrokerOptions _options;
    private readonly BrokerWork _work;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly BrokerInput _input = new();
    private readonly BrokerOutput _output = new();
    private readonly ConcurrentQueue<ushort> _answers = new();
    private readonly Wake _answersLeft = new();
    private readonly CancellationTokenSource _ended = new();
    private Socket? _socket;
    private ITimer? _timer;
    private BrokerException? _cause;
    private long _lastSent, _lastReceived;
    private int _pingWanted;
    private int _subscribeId;

    internal BrokerConnection(BrokerOptions options, BrokerWork work, TimeProvider time, ILogger log)
    {
        (_options, _work, _time, _log) = (options, work, time, log);
        _lastSent = _lastReceived = time.GetTimestamp();
    }

    /// <summary>Connects, and is accepted. Whether the broker kept our session makes no difference: all that it did not acknowledge is sent again.</summary>
    /// <exception cref="BrokerException">The broker is not there, or refuses.</exception>
    internal async Task OpenAsync(CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Patience, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            EndPoint broker = _options.Address.Resolve("the broker of Telemetry.Mqtt");
            _socket = new Socket(broker.AddressFamily, SocketType.Stream, broker is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
            if (broker is IPEndPoint)
                _socket.NoDelay = true;
            await _socket.ConnectAsync(broker, either.Token);
            _output.Connect(_options);
            await FlushAsync(either.Token);
            _output.Wipe();
            await AcceptedAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new BrokerException($"it does not answer within {Patience.TotalSeconds:0} s");
        }
        catch (SocketException e)
        {
            throw new BrokerException(e.Message, inner: e);
        }
        catch (UserError e)
        {
            throw new BrokerException(e.Message, inner: e);
        }
    }

    /// <summary>Sends and receives until the connection breaks, or until the cancellation, which says DISCONNECT.</summary>
    /// <exception cref="BrokerException">It broke.</exception>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.Register(_ended.Cancel);
        _timer = _time.CreateTimer(_ => OnTick(), null, Tick, Tick);
        Task receiving = GuardAsync(ReceiveAsync), sending = GuardAsync(SendAsync);
        await Task.WhenAll(receiving, sending);
        if (!cancellation.IsCancellationRequested)
            throw _cause ?? new BrokerException("the connection ended");
        // In the middle of a message nothing can be said any more.
        if (_output.Length > 0)
            return;
        using var timeout = new CancellationTokenSource(Tick, _time);
        try
        {
            _output.Disconnect();
            await FlushAsync(timeout.Token);
            _socket!.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The broker finds out by itself.
        }
    }

    public async ValueTask DisposeAsync()
    {
        // No tick is under way after that.
        if (_timer is not null)
            await _timer.DisposeAsync();
        _socket?.Dispose();
        _ended.Dispose();
    }

    private async Task GuardAsync(Func<CancellationToken, Task> loop)
    {
        try
        {
            await loop(_ended.Token);
        }
        catch (OperationCanceledException)
        {
            // The other loop ended, or the owner wants it.
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            End(new BrokerException(e.Message, closedByBroker: e is SocketException, e));
        }
        catch (BrokerException e)
        {
            End(e);
        }
    }

    private void End(BrokerException cause)
    {
        Interlocked.CompareExchange(ref _cause, cause, null);
        _ended.Cancel();
    }

    private async Task AcceptedAsync(CancellationToken cancellation)
    {
        MqttFixedHeader header;
        byte[] buffer;
        int content;
        while (!_input.TryTake(out header, out buffer, out content))
            await ReceiveSomeAsync(cancellation);
        var answer = new MqttConnAck();
        if (!answer.TryRead(header, buffer, content))
            throw new BrokerException("its first packet is no CONNACK");
        if (answer.ReturnCode != MqttConnAck.Accepted)
            throw new BrokerException(BrokerRefusal.Describe(answer.ReturnCode, _options));
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        _subscribeId = _work.NewId();
        _output.Subscribe(TelemetryTopic.CommandFilter(_options.Prefix), _subscribeId);
        while (true)
        {
            // In the order of their messages (MQTT 3.1.1 s4.6).
            while (_answers.TryDequeue(out ushort id))
            {
                await RoomAsync(BrokerOutput.Small, cancellation);
                _output.Acknowledge(id);
            }
            _answersLeft.Set();
            if (Interlocked.Exchange(ref _pingWanted, 0) != 0)
                _output.Ping();
            foreach (DeliveryWindow.Slot slot in _work.Next())
                await PublishAsync(slot, cancellation);
            bool isDone = _output.Length == 0;
            await FlushAsync(cancellation);
            if (isDone)
                await _work.Wake.WaitAsync(cancellation);
        }
    }

    private async Task PublishAsync(DeliveryWindow.Slot slot, CancellationToken cancellation)
    {
        await RoomAsync(BrokerOutput.Small + _options.Prefix.Length * 3 + (int)slot.Cost, cancellation);
        _output.Publish(_options.Prefix, slot);
    }

    private async ValueTask RoomAsync(int bytes, CancellationToken cancellation)
    {
        if (_output.Room < bytes)
            await FlushAsync(cancellation);
    }

    private async ValueTask FlushAsync(CancellationToken cancellation)
    {
        for (ReadOnlyMemory<byte> rest = _output.Written; !rest.IsEmpty;)
            rest = rest[await _socket!.SendAsync(rest, cancellation)..];
        if (_output.Length > 0)
            Volatile.Write(ref _lastSent, _time.GetTimestamp());
        _output.Clear();
    }

    private async Task ReceiveAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (_input.TrySkipLarge(out long size, out int large))
            {
                _log.CommandTooLarge(size, BrokerInput.MaxPacket);
                _work.Counters.Count(CommandResult.TooLarge);
                Answer(large);
            }
            else if (_input.TryTake(out MqttFixedHeader header, out byte[] buffer, out int content))
                Handle(header, buffer, content);
            else
                await ReceiveSomeAsync(cancellation);
            while (_answers.Count >= MaxAnswers)
                await _answersLeft.WaitAsync(cancellation);
        }
    }

    private async ValueTask ReceiveSomeAsync(CancellationToken cancellation)
    {
        int count = await _socket!.ReceiveAsync(_input.Room(), cancellation);
        if (count == 0)
            throw new BrokerException("it closed the connection", closedByBroker: true);
        _input.Received(count);
        Volatile.Write(ref _lastReceived, _time.GetTimestamp());
    }

    private void Handle(MqttFixedHeader header, byte[] buffer, int content)
    {
        switch (header.Type)
        {
            case MqttPacketType.PubAck when MqttPubAck.TryRead(header, buffer, content, out int id):
                _work.Acknowledged(id);
                break;
            case MqttPacketType.Publish:
                MqttPublish message = _input.ReadPublish(header, buffer, content);
                _work.Route(message, _options.Prefix);
                Answer(message.PacketId);
                break;
            case MqttPacketType.SubAck:
                var granted = new MqttSubAck();
                if (!granted.TryRead(header, buffer, content) || granted.PacketId != _subscribeId)
                    throw new BrokerException("it answered a SUBSCRIBE that was not sent");
                if (granted.ReturnCodes[0] == MqttSubAck.Failure)
                    _log.CommandsForbidden(_options.User, TelemetryTopic.CommandFilter(_options.Prefix));
                _work.Proved();
                break;
            case MqttPacketType.PingResp:
                break;
            default:
                throw new BrokerException($"it sent a packet of type {(int)header.Type}, which has no place there");
        }
    }

    // Only once the handler had it: what was not acknowledged comes again.
    private void Answer(int id)
    {
        if (id == 0)
            return;
        _answers.Enqueue((ushort)id);
        _work.Wake.Set();
    }

    // A broker that takes nothing and one that says nothing are found here alike.
    private void OnTick()
    {
        TimeSpan silence = _time.GetElapsedTime(Volatile.Read(ref _lastReceived));
        if (silence >= 1.5 * _options.KeepAlive)
            End(new BrokerException($"it said nothing for {silence.TotalSeconds:0} s"));
        else if (_work.Unanswered is var wait && wait >= LongestAnswer)
            End(new BrokerException($"it did not acknowledge a message for {wait.TotalSeconds:0} s", closedByBroker: true));
        else if (silence >= _options.KeepAlive / 2 || _time.GetElapsedTime(Volatile.Read(ref _lastSent)) >= _options.KeepAlive / 2)
        {
            Volatile.Write(ref _pingWanted, 1);
            _work.Wake.Set();
        }
    }
}
