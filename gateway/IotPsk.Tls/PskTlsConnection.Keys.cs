using System.Security.Cryptography;
using IotPsk.Tls.Handshake;

namespace IotPsk.Tls;

public abstract partial class PskTlsConnection
{
    /// <summary>The length of what <see cref="GetChannelBinding"/> writes, in bytes.</summary>
    public const int ChannelBindingLength = 32;

    /// <summary>HkdfLabel's label has 255 bytes, "tls13 " among them.</summary>
    private const int MaxExporterLabelLength = 255 - 6;

    /// <summary>The most that one exporter gives: 255 blocks of SHA-256.</summary>
    private const int MaxExportLength = 255 * 32;

    /// <summary>Derives a key for another protocol that both ends, and nobody else, can derive (RFC 8446 s7.5).</summary>
    /// <param name="label">A registered label or one that begins with "EXPERIMENTAL", 1..249 ASCII bytes.</param>
    /// <param name="context">What the key is for; may be empty.</param>
    /// <param name="destination">Is filled, 1..8160 bytes.</param>
    /// <exception cref="InvalidOperationException">The handshake is not done, or the connection failed.</exception>
    /// <exception cref="ArgumentException">A length is out of range.</exception>
    /// <exception cref="CryptographicException">The library failed.</exception>
    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (label.Length is 0 or > MaxExporterLabelLength)
            throw new ArgumentException($"the label of an exporter has 1 to {MaxExporterLabelLength} bytes", nameof(label));
        if (destination.Length is 0 or > MaxExportLength)
            throw new ArgumentException($"an exporter gives 1 to {MaxExportLength} bytes", nameof(destination));
        if (State is not Connected connected)
            throw new InvalidOperationException("there is no connection to export keys from");
        connected.Export(_records.Crypto, label, context, destination);
    }

    /// <summary>The channel binding "tls-exporter" (RFC 9266): proves to a protocol above that both ends speak over this connection.</summary>
    /// <param name="destination">Gets <see cref="ChannelBindingLength"/> bytes.</param>
    /// <exception cref="InvalidOperationException">The handshake is not done, or the connection failed.</exception>
    public void GetChannelBinding(Span<byte> destination) =>
        ExportKeyingMaterial("EXPORTER-Channel-Binding"u8, default, destination[..ChannelBindingLength]);
}
