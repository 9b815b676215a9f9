namespace IotPsk.Net.Tests.Support;

/// <summary>Bytes whose every part tells where it belongs.</summary>
internal static class Patterns
{
    internal static byte[] Make(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
