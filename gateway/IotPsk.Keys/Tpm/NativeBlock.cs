using System.Runtime.InteropServices;

namespace IotPsk.Keys;

/// <summary>One block of native memory, large enough for any TPM structure, cleared before use and at its end.</summary>
internal sealed unsafe class NativeBlock : IDisposable
{
    internal const int Size = 4096;
    private void* _memory = NativeMemory.AllocZeroed(Size);

    ~NativeBlock() => Release();

    internal nint Address => (nint)_memory;

    internal Span<byte> Span => new(_memory, Size);

    internal void Clear() => NativeMemory.Clear(_memory, Size);

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (_memory == null)
            return;
        NativeMemory.Clear(_memory, Size);
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
