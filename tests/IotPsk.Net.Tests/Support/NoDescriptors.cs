using System.Runtime.InteropServices;

namespace IotPsk.Net.Tests.Support;

/// <summary>While it lives, this process can open no descriptor: the soft limit is lowered and the gaps below it are filled.</summary>
internal sealed unsafe partial class NoDescriptors : IDisposable
{
    private const int RLIMIT_NOFILE = 7;
    private readonly List<int> _fillers = [];
    private readonly ulong _soft;
    private readonly ulong _hard;

    internal NoDescriptors()
    {
        var limit = stackalloc ulong[2];
        Check(GetLimit(RLIMIT_NOFILE, limit));
        (_soft, _hard) = (limit[0], limit[1]);
        var highest = Duplicate(0);
        _fillers.Add(highest);
        SetSoft((ulong)Math.Max(highest + 1, 256));
        while (Duplicate(0) is >= 0 and var filler) _fillers.Add(filler);
    }

    public void Dispose()
    {
        SetSoft(_soft);
        foreach (var filler in _fillers) _ = Close(filler);
    }

    private void SetSoft(ulong soft)
    {
        var limit = stackalloc ulong[2];
        limit[0] = soft;
        limit[1] = _hard;
        Check(SetLimit(RLIMIT_NOFILE, limit));
    }

    private static void Check(int result)
    {
        if (result != 0) throw new InvalidOperationException(Marshal.GetLastPInvokeErrorMessage());
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Duplicate(int fd);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);
}
