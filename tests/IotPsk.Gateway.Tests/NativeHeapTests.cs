using System.Runtime.InteropServices;
using IotPsk.Gateway.Serving;
using IotPsk.TestSupport;

namespace IotPsk.Gateway.Tests;

public sealed class NativeHeapTests
{
    [Fact]
    public void What_malloc_got_back_goes_back_to_the_system_within_a_minute()
    {
        const int Blocks = 32 * 1024, Size = 4000;
        var time = new FakeTimeProvider();
        using var heap = new NativeHeap(time);
        byte[] content = [.. Enumerable.Repeat((byte)1, Size)];
        var blocks = new nint[Blocks];
        for (int i = 0; i < Blocks; i++)
        {
            blocks[i] = Marshal.AllocHGlobal(Size);
            Marshal.Copy(content, 0, blocks[i], Size);
        }
        double full = Anonymous();
        // One in a thousand lives on: no arena can end before it.
        for (int i = 0; i < Blocks; i++)
        {
            if (i % 1000 != 999)
                Marshal.FreeHGlobal(blocks[i]);
        }
        double freed = Anonymous();
        time.Advance(NativeHeap.Interval);
        double trimmed = Anonymous();
        for (int i = 999; i < Blocks; i += 1000)
            Marshal.FreeHGlobal(blocks[i]);
        Assert.True(freed > full - (32 << 20), "malloc keeps it");
        Assert.True(trimmed < freed - (80 << 20), $"{full} bytes, {freed} when most were freed, {trimmed} a minute later");
    }

    private static double Anonymous() => ProcessMetrics.Read().Single(metric => metric.Name == "iotpsk_memory_bytes" && metric.Labels[1] == "Anonymous").Value;
}
