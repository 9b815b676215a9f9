using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace IotPsk.Interop.Tests.Support;

/// <summary>What a .NET process has in its memory, written down by its own runtime's createdump.</summary>
internal static class MemoryDump
{
    private const int Half = 16;

    /// <summary>Dump and everything but mapped images (dump type WithHeap of the runtime's diagnostic port).</summary>
    internal static void Take(int process, string file)
    {
        // A killed process leaves its socket behind, and a later one may have its id: the name ends with when the process started, as stat has it (proc_pid_stat(5), field 22).
        string started = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat")).Split(") ")[^1].Split(' ')[22 - 3];
        string port = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"dotnet-diagnostic-{process}-{started}-socket"));
        byte[] name = Encoding.Unicode.GetBytes(file + "\0"), magic = [.. "DOTNET_IPC_V1"u8, 0];
        byte[] message = [.. magic, .. UInt16(20 + 4 + name.Length + 8), 1, 1, 0, 0, .. UInt32((uint)name.Length / 2), .. name, .. UInt32(2), .. UInt32(0)];
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)Poll.Patience.TotalMilliseconds };
        socket.Connect(new UnixDomainSocketEndPoint(port));
        socket.Send(message);
        byte[] answer = new byte[24];
        for (int have = 0, read; have < answer.Length && (read = socket.Receive(answer.AsSpan(have))) > 0;)
            have += read;
        // Command set 0xff: the server; 0: OK; then an HRESULT.
        Assert.True(answer[16] == 0xff && answer[17] == 0 && BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(20)) == 0, "createdump failed: " + Convert.ToHexString(answer));
    }

    /// <summary>Which of the secrets, of 32 bytes, are in a file, whole or half.</summary>
    internal static IReadOnlyList<int> Find(string file, IReadOnlyList<byte[]> secrets)
    {
        var halves = new Dictionary<ulong, List<(int Secret, int Start)>>();
        var begins = new bool[1 << 16];
        for (int secret = 0; secret < secrets.Count; secret++)
        {
            for (int start = 0; start + Half <= secrets[secret].Length; start += Half)
            {
                ulong begin = BinaryPrimitives.ReadUInt64LittleEndian(secrets[secret].AsSpan(start));
                begins[(ushort)begin] = true;
                CollectionsMarshal.GetValueRefOrAddDefault(halves, begin, out bool _) ??= [];
                halves[begin].Add((secret, start));
            }
        }

        var found = new SortedSet<int>();
        using FileStream dump = File.OpenRead(file);
        byte[] window = new byte[1 << 20];
        for (int kept = 0, read; (read = dump.ReadAtLeast(window.AsSpan(kept), window.Length - kept, throwOnEndOfStream: false)) > 0; kept = Half)
        {
            ReadOnlySpan<byte> part = window.AsSpan(0, kept + read);
            for (int at = 0; at + Half <= part.Length; at++)
            {
                if (!begins[BinaryPrimitives.ReadUInt16LittleEndian(part[at..])] || !halves.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(part[at..]), out var candidates))
                    continue;
                foreach ((int secret, int start) in candidates)
                {
                    if (part.Slice(at, Half).SequenceEqual(secrets[secret].AsSpan(start, Half)))
                        found.Add(secret);
                }
            }

            if (part.Length < window.Length)
                break;
            part[^Half..].CopyTo(window);
        }

        return [.. found];
    }

    private static byte[] UInt16(int value) => [(byte)value, (byte)(value >> 8)];

    private static byte[] UInt32(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
