using System.Globalization;

namespace IotPsk.Keys.Tests.Support;

/// <summary>What this process has in its memory, as a dump of it would show.</summary>
internal static class OwnMemory
{
    private const int Window = 1 << 20;

    /// <summary>How often a secret is found. The secret comes masked, so that looking for it adds no copy.</summary>
    /// <param name="masked">The secret, each byte exclusive-or <paramref name="mask"/>.</param>
    /// <param name="mask">The mask.</param>
    public static int Count(ReadOnlySpan<byte> masked, byte mask)
    {
        using var memory = new FileStream("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
        var buffer = new byte[Window + masked.Length];
        var found = 0;
        foreach (var line in File.ReadAllLines("/proc/self/maps"))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!fields[1].StartsWith("rw", StringComparison.Ordinal) || fields is [.., "[vvar]"])
                continue;
            var range = fields[0].Split('-').Select(end => long.Parse(end, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            for (var at = range[0]; at < range[1]; at += Window)
                found += CountIn(memory, at, (int)Math.Min(buffer.Length, range[1] - at), buffer, masked, mask);
        }

        return found;
    }

    private static int CountIn(FileStream memory, long at, int length, byte[] buffer, ReadOnlySpan<byte> masked, byte mask)
    {
        int read;
        try
        {
            memory.Position = at;
            read = memory.Read(buffer, 0, length);
        }
        catch (IOException)
        {
            // Reserved, not there.
            return 0;
        }

        var found = 0;
        var first = (byte)(masked[0] ^ mask);
        var window = buffer.AsSpan(0, read);
        for (var offset = 0; offset <= window.Length - masked.Length; offset++)
        {
            var next = window[offset..^(masked.Length - 1)].IndexOf(first);
            if (next < 0)
                break;
            offset += next;
            if (offset < Window && Same(window.Slice(offset, masked.Length), masked, mask))
                found++;
        }

        Array.Clear(buffer, 0, read);
        return found;
    }

    private static bool Same(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> masked, byte mask)
    {
        for (var i = 0; i < masked.Length; i++)
        {
            if ((bytes[i] ^ mask) != masked[i])
                return false;
        }

        return true;
    }
}
