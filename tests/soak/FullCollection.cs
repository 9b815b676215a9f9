using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Soak.Tests;

/// <summary>Makes the runtime of another process collect its whole heap, through its diagnostic port: a trace with the keyword GCHeapCollect begins so.</summary>
internal static class FullCollection
{
    private const int HeaderLength = 20;
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
        using Socket socket = Send(gateway.Process.Id, CollectTracing2, [.. trace]);
        byte[] answer = new byte[HeaderLength + 8];
        for (int at = 0; at < answer.Length;)
            at += socket.Receive(answer.AsSpan(at)) is > 0 and var count ? count : throw new IOException("the runtime did not begin a trace");
        Poll.Until(() => Count() > before, "the heap is collected");
        using Socket stop = Send(gateway.Process.Id, StopTracing, answer[HeaderLength..]);
        byte[] rest = new byte[1 << 16];
        while (socket.Receive(rest) > 0)
            ;

        double Count() => gateway.Metric("iotpsk_collections_total", "generation=\"2\"");
    }

    private static Socket Send(int process, byte command, byte[] payload)
    {
        byte[] message = [.. "DOTNET_IPC_V1\0"u8, 0, 0, EventPipe, command, 0, 0, .. payload];
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(14), (ushort)message.Length);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{process}-*-socket").Single()));
        socket.Send(message);
        return socket;
    }

    private static void Add(List<byte> message, params ReadOnlySpan<int> values)
    {
        foreach (int value in values)
            message.AddRange(BitConverter.GetBytes(value));
    }
}
