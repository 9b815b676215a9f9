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

    /// <summary>
    /// True if the keys have done what is safe and the peer is said to take no new ones: a close_notify is written or waits to be,
    /// what still comes may be read, and the peer has to connect anew.
    /// </summary>
    public bool IsWornOut { get; private set; }

    /// <summary>Changes the own keys, and asks the peer to change its own if wanted (RFC 8446 s4.6.3); look at <see cref="HasOutput"/> afterwards.</summary>
    /// <param name="requestPeer">True asks the peer.</param>
    /// <remarks>The engine does this by itself long before a key is worn out.</remarks>
    /// <exception cref="InvalidOperationException">The handshake is not done, close_notify is sent, or the peer takes no KeyUpdate.</exception>
    public void UpdateKeys(bool requestPeer)
    {
        RequireConnected();
        if (_closeSent)
            throw new InvalidOperationException("close_notify is sent: no KeyUpdate may follow (RFC 8446 s6.1)");
        if (_records.CloseInsteadOfKeyUpdate)
            throw new InvalidOperationException("the peer takes no KeyUpdate");
        if (Error is not null)
            return;
        try
        {
            RenewKeys(requestPeer);
        }
        catch (CryptographicException)
        {
            Fail(TlsErrorReason.CryptoFailure);
        }
    }

    /// <summary>Derives a key for another protocol that both ends, and nobody else, can derive (RFC 8446 s7.5, RFC 5705 for TLS 1.2).</summary>
    /// <param name="label">A registered label or one that begins with "EXPERIMENTAL", 1..249 ASCII bytes.</param>
    /// <param name="context">What the key is for; may be empty, which in TLS 1.2 (at most 65535 bytes) means "no context".</param>
    /// <param name="destination">Is filled, 1..8160 bytes.</param>
    /// <exception cref="InvalidOperationException">The handshake is not done, the connection failed, or it lacks extended_master_secret.</exception>
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

    /// <summary>RFC 8446 s5.5: new keys before the old ones have protected too much; or no connection any more.</summary>
    private void RenewKeys(bool requestPeer)
    {
        if (_closeSent)
            return;
        bool written;
        if (_records.CloseInsteadOfKeyUpdate)
        {
            _closeSent = IsWornOut = true;
            written = _records.TryWriteAlert(AlertDescription.CloseNotify);
        }
        else
        {
            written = _records.TryUpdateWriteKeys(requestPeer);
        }

        if (!written)
            Fail(TlsErrorReason.SequenceExhausted);
    }
}
