using System.Net.Sockets;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Soak.Tests;

/// <summary>Makes the runtime of another process collect its whole heap, through its diagnostic port: a trace with the keyword GCHeapCollect begins so.</summary>
internal static class FullCollection
{
    private const byte EventPipe = 2, StopTracing = 1, CollectTracing2 = 3;
    private const ulong GCHeapCollect = 0x800000;
    private const string Provider = "Microsoft-Windows-DotNETRuntime\0";

    internal static void Run(GatewayProcess gateway)
    {
        double before = Count();
        var trace = new List<byte>();
        Add(trace, 1, 1);                               // megabytes of buffers; the format nettrace
        trace.Add(0);                                   // no rundown
        Add(trace, 1);                                  // providers
        trace.AddRange(BitConverter.GetBytes(GCHeapCollect));
        Add(trace, 4, Provider.Length);                 // the level: information
        trace.AddRange(Encoding.Unicode.GetBytes(Provider));
        Add(trace, 0);                                  // no filter
        using Socket socket = DiagnosticPort.Send(gateway.Process.Id, EventPipe, CollectTracing2, trace.ToArray());
        byte[] answer = DiagnosticPort.Receive(socket, sizeof(long));
        Poll.Until(() => Count() > before, "the heap is collected");
        using Socket stop = DiagnosticPort.Send(gateway.Process.Id, EventPipe, StopTracing, answer.AsSpan(DiagnosticPort.HeaderLength));
        byte[] rest = new byte[1 << 16];
        while (socket.Receive(rest) > 0)
            ;

        double Count() => gateway.Metric("iotpsk_collections_total", "generation=\"2\"");
    }

    private static void Add(List<byte> message, params ReadOnlySpan<int> values)
    {
        foreach (int value in values)
            message.AddRange(BitConverter.GetBytes(value));
    }
}
