using IotPsk.Net.Native;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// Datagrams on their way out, gathered for one sendmmsg. What a socket does not take is lost, as anything on a network
/// may be: the peers' timers mend it, and nothing here grows.
/// </summary>
internal sealed unsafe class DatagramOutbox : IDisposable
{
    private readonly MessageSlots _slots;
    private readonly DatagramCounters _counters;
    private readonly int _socket;
    private int _count;

    /// <param name="socket">Where they go out; not owned.</param>
    /// <param name="capacity">Datagrams gathered before they are sent without being asked to.</param>
    /// <param name="size">Bytes of the largest datagram.</param>
    /// <param name="counters">Counts what was sent and lost.</param>
    internal DatagramOutbox(int socket, int capacity, int size, DatagramCounters counters)
    {
        _socket = socket;
        _counters = counters;
        _slots = new MessageSlots(capacity, size);
    }

    /// <summary>Bytes of the largest datagram.</summary>
    internal int Size => _slots.Size;

    internal bool IsEmpty => _count == 0;

    /// <summary>The room for the next datagram; valid until <see cref="Commit"/>, <see cref="Flush"/> or the next call.</summary>
    internal Span<byte> Next()
    {
        if (_count == _slots.Count) Flush();
        return _slots.Payload(_count);
    }

    /// <summary>Puts <paramref name="length"/> bytes, written into <see cref="Next"/>, in line for an address.</summary>
    internal void Commit(int length, in PeerAddress destination)
    {
        ref var header = ref _slots[_count].Header;
        header.Vectors->Length = (nuint)length;
        header.NameLength = (uint)destination.Write(_slots.Name(_count));
        _count++;
    }

    /// <summary>Sends what is in line.</summary>
    internal void Flush()
    {
        for (var done = 0; done < _count;)
        {
            var sent = Udp.Send(_socket, _slots.Messages + done, _count - done);
            if (sent > 0)
            {
                _counters.Sent += sent;
                done += sent;
            }
            else if (sent is -Errno.EAGAIN or -Errno.ENOBUFS or -Errno.ENOMEM)
            {
                // The others would not fit either, and to wait for them here would hold up everybody.
                _counters.SendsFailed += _count - done;
                break;
            }
            else
            {
                // An error of this address, or one an ICMP message left behind (ip(7)): the next may go.
                _counters.SendsFailed++;
                done++;
            }
        }
        _count = 0;
    }

    public void Dispose()
    {
        _slots.Dispose();
        _count = 0;
    }
}
