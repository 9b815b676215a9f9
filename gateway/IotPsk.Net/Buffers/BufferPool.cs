namespace IotPsk.Net.Buffers;

/// <summary>
/// Buffers of one loop for what cannot be passed on at once: a partial record, or bytes a blocked socket did not take.
/// Five sizes, a few of each kept; whoever holds one counts in <see cref="BytesInUse"/>.
/// </summary>
internal sealed class BufferPool
{
    private static readonly int[] Sizes = [256, 2048, 17 * 1024, 80 * 1024, 288 * 1024];
    private static readonly int[] Kept = [256, 128, 32, 4, 2];
    private readonly Stack<byte[]>[] _free = [new(), new(), new(), new(), new()];

    /// <summary>Bytes of the buffers that are rented now.</summary>
    internal long BytesInUse { get; private set; }

    internal byte[] Rent(int minimum)
    {
        for (var i = 0; i < Sizes.Length; i++)
        {
            if (Sizes[i] < minimum) continue;
            BytesInUse += Sizes[i];
            return _free[i].TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(Sizes[i]);
        }
        BytesInUse += minimum;
        return GC.AllocateUninitializedArray<byte>(minimum);
    }

    internal void Return(byte[] buffer)
    {
        BytesInUse -= buffer.Length;
        var size = Array.IndexOf(Sizes, buffer.Length);
        if (size >= 0 && _free[size].Count < Kept[size]) _free[size].Push(buffer);
    }
}
