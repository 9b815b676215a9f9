using IotPsk.Net.Native;

namespace IotPsk.Net.Datagrams;

/// <summary>Room for the datagrams of one recvmmsg.</summary>
internal sealed unsafe class DatagramInbox : IDisposable
{
    private readonly MessageSlots _slots;

    /// <param name="capacity">Datagrams taken at once.</param>
    /// <param name="size">Bytes of the largest datagram that is not dropped.</param>
    internal DatagramInbox(int capacity, int size) => _slots = new MessageSlots(capacity, size);

    internal int Capacity => _slots.Count;

    /// <summary>Takes what waits, up to <see cref="Capacity"/>; the number of datagrams or a negated errno.</summary>
    internal int Receive(int socket)
    {
        for (var i = 0; i < Capacity; i++) _slots[i].Header.NameLength = SocketName.MaxLength;
        return Udp.Receive(socket, _slots.Messages, Capacity);
    }

    /// <summary>One of the datagrams received; false if it was too large or comes from no address one can answer.</summary>
    internal bool TryGet(int index, out ReadOnlySpan<byte> datagram, out PeerAddress source)
    {
        ref readonly var message = ref _slots[index];
        datagram = _slots.Payload(index)[..Math.Min((int)message.Length, _slots.Size)];
        return PeerAddress.TryRead(_slots.Name(index)[..(int)Math.Min(message.Header.NameLength, SocketName.MaxLength)], out source)
            && (message.Header.Flags & Linux.MSG_TRUNC) == 0;
    }

    public void Dispose() => _slots.Dispose();
}
