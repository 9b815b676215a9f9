using System.Runtime.InteropServices;

namespace IotPsk.Gateway.Serving;

/// <summary>
/// Gives back once a minute what malloc holds and nobody uses. The runtime's compiler, SQLite, libcrypto and tpm2-tss take and free on threads that come
/// and go; glibc keeps the freed pages of each thread's arena, and after a fleet came back they are more than those in use.
/// </summary>
internal sealed partial class NativeHeap : IDisposable
{
    /// <summary>How often it does so.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ITimer _timer;

    /// <param name="time">The clock.</param>
    internal NativeHeap(TimeProvider time) => _timer = time.CreateTimer(static _ => Trim(), null, Interval, Interval);

    public void Dispose() => _timer.Dispose();

    private static void Trim()
    {
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another libc than glibc does not keep so much.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint spare);
}
