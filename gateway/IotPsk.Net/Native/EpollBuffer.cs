using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IotPsk.Net.Native;

/// <summary>
/// Room for the events of one epoll_wait. The kernel packs struct epoll_event on x86-64 (12 bytes) and aligns it
/// everywhere else (16 bytes), so entries are read by offset and not through a mirrored struct.
/// </summary>
internal sealed unsafe class EpollBuffer : IDisposable
{
    internal static readonly int Stride = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86 ? 12 : 16;
    private static readonly int DataOffset = Stride - sizeof(ulong);
    private byte* _events;

    internal EpollBuffer(int capacity)
    {
        Capacity = capacity;
        _events = (byte*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)Stride);
    }

    internal int Capacity { get; }

    internal byte* Pointer => _events;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Events(int index) => Unsafe.ReadUnaligned<uint>(_events + (index * Stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Data(int index) => Unsafe.ReadUnaligned<ulong>(_events + (index * Stride) + DataOffset);

    /// <summary>Writes one event in the kernel's layout; <paramref name="target"/> has room for <see cref="Stride"/> bytes.</summary>
    internal static void Encode(byte* target, uint events, ulong data)
    {
        NativeMemory.Clear(target, (nuint)Stride);
        Unsafe.WriteUnaligned(target, events);
        Unsafe.WriteUnaligned(target + DataOffset, data);
    }

    public void Dispose()
    {
        NativeMemory.Free(_events);
        _events = null;
    }
}
