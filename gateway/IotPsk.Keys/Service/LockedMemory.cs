using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// Slots for keys outside the collector's heap: kept out of swap (mlock, as far as RLIMIT_MEMLOCK allows) and out of core dumps, zeroed
/// when freed. Thread safe; a slot belongs to whoever rented it.
/// </summary>
internal sealed unsafe partial class LockedMemory : IDisposable
{
    private const int SlotSize = KeyUses.MaxKeySize;
    private const int SlabSize = 64 * 1024;
    private const int SlotsPerSlab = SlabSize / SlotSize;
    private const int ProtReadWrite = 0x3;
    private const int MapPrivateAnonymous = 0x22;
    private const int MadviseDontDump = 16;
    private readonly Lock _gate = new();
    private readonly List<nint> _slabs = [];
    private readonly Stack<int> _free = new();
    private long _unlocked;

    ~LockedMemory() => Release();

    /// <summary>Bytes the system refused to keep out of swap.</summary>
    internal long UnlockedBytes => Volatile.Read(ref _unlocked);

    /// <summary>Rents a slot; its content is zero.</summary>
    internal int Rent()
    {
        lock (_gate)
        {
            if (_free.Count == 0)
                AddSlab();
            return _free.Pop();
        }
    }

    /// <summary>Zeroes a slot and gives it back.</summary>
    internal void Return(int slot)
    {
        CryptographicOperations.ZeroMemory(Slot(slot));
        lock (_gate)
            _free.Push(slot);
    }

    /// <summary>The bytes of a rented slot.</summary>
    internal Span<byte> Slot(int slot)
    {
        nint slab;
        lock (_gate)
            slab = _slabs[slot / SlotsPerSlab];
        return new Span<byte>((void*)(slab + (slot % SlotsPerSlab * SlotSize)), SlotSize);
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mlock")]
    private static partial int LockPages(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    private void AddSlab()
    {
        var slab = Map(0, SlabSize, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if (slab == -1)
            throw new InsufficientMemoryException("No memory for keys: mmap failed");
        if (LockPages(slab, SlabSize) != 0)
            Interlocked.Add(ref _unlocked, SlabSize);
        _ = Advise(slab, SlabSize, MadviseDontDump);
        var first = _slabs.Count * SlotsPerSlab;
        _slabs.Add(slab);
        for (var slot = first + SlotsPerSlab - 1; slot >= first; slot--)
            _free.Push(slot);
    }

    private void Release()
    {
        lock (_gate)
        {
            foreach (var slab in _slabs)
            {
                NativeMemory.Clear((void*)slab, SlabSize);
                _ = Unmap(slab, SlabSize);
            }

            _slabs.Clear();
            _free.Clear();
        }
    }
}
