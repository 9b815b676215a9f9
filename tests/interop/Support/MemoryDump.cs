using System.Buffers.Binary;
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
        byte[] name = Encoding.Unicode.GetBytes(file + "\0");
        using Socket socket = DiagnosticPort.Send(process, 1, 1, [.. BitConverter.GetBytes(name.Length / 2), .. name, .. BitConverter.GetBytes(2), .. BitConverter.GetBytes(0)]);
        byte[] answer = DiagnosticPort.Receive(socket, sizeof(int));
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
}
