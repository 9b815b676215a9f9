namespace IotPsk.Tls.Tests.Support;

internal static class ManagedMemory
{
    /// <summary>What is in use, after everything that earlier tests left is gone: finalizers run first, and what they let go of goes too.</summary>
    public static long InUse()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
