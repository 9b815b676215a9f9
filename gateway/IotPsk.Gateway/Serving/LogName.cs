using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace IotPsk.Gateway.Serving;

/// <summary>The name of an identity in logs: the first 8 bytes of its SHA-256, so that logs hold no inventory of devices.</summary>
internal static class LogName
{
    private const int Size = 8, MaxSentence = 300;

    /// <summary>Of a device, by its id. <c>iotpsk device show</c> prints the same.</summary>
    internal static string Of(string deviceId) => Of(Encoding.UTF8.GetBytes(deviceId));

    /// <summary>A sentence in which words of a device may stand: no longer than a line, and without what a terminal or another program would obey.</summary>
    internal static string Sentence(string text)
    {
        ReadOnlySpan<char> shown = text.AsSpan(0, Math.Min(text.Length, MaxSentence));
        return string.Create(shown.Length + (shown.Length < text.Length ? 3 : 0), shown, static (line, words) =>
        {
            line.Fill('.');
            for (int i = 0; i < words.Length; i++)
                line[i] = char.IsControl(words[i]) || char.GetUnicodeCategory(words[i]) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? '?' : words[i];
        });
    }

    /// <summary>Of an identity as it came from the wire.</summary>
    internal static string Of(ReadOnlySpan<byte> identity)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(identity, digest);
        return Convert.ToHexStringLower(digest[..Size]);
    }
}
