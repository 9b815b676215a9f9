using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;

namespace IotPsk.Interop.Tests.Support;

/// <summary>The diagnostic port of another .NET process, a request a connection: header of 20 bytes (magic, length, command set, command, 0), payload.</summary>
internal static class DiagnosticPort
{
    internal const int HeaderLength = 20;

    /// <summary>Sends a request. The answer is the caller's to read.</summary>
    internal static Socket Send(int process, byte set, byte command, ReadOnlySpan<byte> payload)
    {
        byte[] message = [.. "DOTNET_IPC_V1\0"u8, 0, 0, set, command, 0, 0, .. payload];
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(14), checked((ushort)message.Length));
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)Poll.Patience.TotalMilliseconds };
        socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), Name(process))));
        socket.Send(message);
        return socket;
    }

    /// <summary>Reads an answer without more than <paramref name="length"/> bytes of payload.</summary>
    internal static byte[] Receive(Socket socket, int length)
    {
        byte[] answer = new byte[HeaderLength + length];
        for (int have = 0; have < answer.Length;)
            have += socket.Receive(answer.AsSpan(have)) is > 0 and var read ? read : throw new IOException("the runtime hung up: " + Convert.ToHexString(answer.AsSpan(0, have)));
        return answer;
    }

    // A killed process leaves its socket behind, and a later one may have its id: the name ends with when the process started, as stat has it (proc_pid_stat(5), field 22).
    private static string Name(int process)
    {
        string started = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat")).Split(") ")[^1].Split(' ')[22 - 3];
        return string.Create(CultureInfo.InvariantCulture, $"dotnet-diagnostic-{process}-{started}-socket");
    }
}
