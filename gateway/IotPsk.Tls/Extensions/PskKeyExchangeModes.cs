using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>psk_key_exchange_modes (RFC 8446 s4.2.9).</summary>
internal static class PskKeyExchangeModes
{
    /// <summary>Unknown modes are ignored.</summary>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out bool pskKe, out bool pskDheKe)
    {
        pskKe = pskDheKe = false;
        var reader = new WireReader(data);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.IsEmpty)
            return TlsErrorReason.MalformedPskKeyExchangeModes;
        pskKe = list.Contains((byte)PskKeyExchangeMode.PskKe);
        pskDheKe = list.Contains((byte)PskKeyExchangeMode.PskDheKe);
        return TlsErrorReason.None;
    }

    public static void Write(ref WireWriter writer, IReadOnlyList<PskKeyExchangeMode> modes)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.PskKeyExchangeModes);
        writer.WriteByte((byte)modes.Count);
        foreach (PskKeyExchangeMode mode in modes)
            writer.WriteByte((byte)mode);
        writer.EndVector(extension);
    }
}
