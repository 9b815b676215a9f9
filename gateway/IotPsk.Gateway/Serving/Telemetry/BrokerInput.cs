using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>
/// Packets of a byte stream from the broker. A message that is too large is passed over, for a broker would hand it out again on each
/// connection.
/// </summary>
internal sealed class BrokerInput
{
    /// <summary>The largest message taken, with its topic and headers, in bytes.</summary>
    internal const int MaxPacket = 320 * 1024;

    private const int Small = 16 * 1024;
    private readonly MqttPublish _publish = new();
    private byte[] _buffer = new byte[Small];
    private int _start, _end;
    private long _skip;

    /// <summary>Where the next bytes go; never empty.</summary>
    internal Memory<byte> Room()
    {
        if (_start == _end)
        {
            _start = _end = 0;
            if (_buffer.Length > Small)
                _buffer = new byte[Small];
        }
        else if (_end == _buffer.Length)
        {
            byte[] target = _start > 0 ? _buffer : new byte[Math.Min(2 * _buffer.Length, MaxPacket)];
            Buffer.BlockCopy(_buffer, _start, target, 0, _end - _start);
            (_buffer, _end, _start) = (target, _end - _start, 0);
        }
        return _buffer.AsMemory(_end);
    }

    /// <summary>So many bytes came.</summary>
    internal void Received(int count)
    {
        _end += count;
        int skipped = (int)Math.Min(_skip, _end - _start);
        _start += skipped;
        _skip -= skipped;
    }

    /// <summary>The next whole packet; its content begins at <paramref name="content"/> of <paramref name="buffer"/>, valid until the next call.</summary>
    /// <exception cref="BrokerException">What came is no MQTT.</exception>
    internal bool TryTake(out MqttFixedHeader header, out byte[] buffer, out int content)
    {
        (buffer, content) = (_buffer, 0);
        if (!TryReadHeader(out header))
            return false;
        int size = header.HeaderLength + header.RemainingLength;
        if (size > MaxPacket)
            throw new BrokerException($"it sent a packet of {size} bytes that is no message");
        if (_end - _start < size)
            return false;
        content = _start + header.HeaderLength;
        _start += size;
        return true;
    }

    /// <summary>
    /// Whether the next packet is a message that is too large: it is passed over, and <paramref name="id"/> is what to acknowledge, 0 for nothing.
    /// </summary>
    internal bool TrySkipLarge(out long size, out int id)
    {
        (size, id) = (0, 0);
        if (!TryReadHeader(out MqttFixedHeader header) || header.Type != MqttPacketType.Publish)
            return false;
        size = (long)header.HeaderLength + header.RemainingLength;
        if (size <= MaxPacket)
            return false;
        // Topic and identifier stand in front; the topic's length is at most 65535, less than the room there is.
        int at = _start + header.HeaderLength;
        if (_end - at < 2)
            return false;
        int topic = (_buffer[at] << 8) | _buffer[at + 1];
        if (_end - at < topic + 4)
            return false;
        at += 2 + topic;
        id = (header.Flags & 6) != 0 ? (_buffer[at] << 8) | _buffer[at + 1] : 0;
        _skip = size;
        Received(0);
        return true;
    }

    /// <summary>Reads a message out of a packet that was taken.</summary>
    /// <exception cref="BrokerException">It is malformed.</exception>
    internal MqttPublish ReadPublish(MqttFixedHeader header, byte[] buffer, int content) =>
        _publish.TryRead(header, buffer, content) && _publish.QualityOfService < 2
            ? _publish
            : throw new BrokerException("it sent a malformed message, or one of QoS 2, which was not asked for");

    private bool TryReadHeader(out MqttFixedHeader header)
    {
        MqttReadStatus status = MqttFixedHeader.TryRead(_buffer, _start, _end - _start, out header);
        if (status == MqttReadStatus.Malformed || status == MqttReadStatus.Complete && !MqttPacket.IsLengthRight(header))
            throw new BrokerException("what it sent is no MQTT");
        return status == MqttReadStatus.Complete;
    }
}
