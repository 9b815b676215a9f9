namespace IotPsk.Tls.Handshake;

/// <summary>One line of the NSS key log format: label, client random, secret.</summary>
internal static class KeyLogLine
{
    public static void Write(Action<string>? sink, string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret) =>
        sink?.Invoke($"{label} {Convert.ToHexStringLower(clientRandom)} {Convert.ToHexStringLower(secret)}");
}
