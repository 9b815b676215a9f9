using System.Runtime.InteropServices;
using IotPsk.Net.Native;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// An array of struct mmsghdr with a name and a buffer for each. The memory is native: the kernel reads and writes it, and
/// nothing moves it.
/// </summary>
internal sealed unsafe class MessageSlots : IDisposable
{
    private const int NameRoom = SocketName.MaxLength + 4;
    private byte* _room;

    /// <param name="count">Datagrams of one call.</param>
    /// <param name="size">Bytes of the largest one.</param>
    internal MessageSlots(int count, int size)
    {
        Count = count;
        Size = size;
        var slot = sizeof(Message) + sizeof(IoVector) + NameRoom + size;
        _room = (byte*)NativeMemory.AllocZeroed((nuint)count, (nuint)slot);
        Messages = (Message*)_room;
        var vectors = (IoVector*)(Messages + count);
        var names = (byte*)(vectors + count);
        var payloads = names + (count * NameRoom);
        for (var i = 0; i < count; i++)
        {
            vectors[i] = new IoVector { Base = payloads + ((nint)i * size), Length = (nuint)size };
            ref var header = ref Messages[i].Header;
            header.Name = names + (i * NameRoom);
            header.Vectors = vectors + i;
            header.VectorCount = 1;
        }
    }

    ~MessageSlots() => Free();

    internal int Count { get; }

    internal int Size { get; }

    internal Message* Messages { get; private set; }

    internal ref Message this[int index] => ref Messages[index];

    internal Span<byte> Payload(int index) => new(Messages[index].Header.Vectors->Base, Size);

    internal Span<byte> Name(int index) => new(Messages[index].Header.Name, SocketName.MaxLength);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_room);
        _room = null;
        Messages = null;
    }
}
