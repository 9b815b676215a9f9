using System.Text;
using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>
/// What the fleet key derives: HMAC-SHA256(FK, label 00 id 01), the first block of HKDF-Expand(PRK = FK, info = label 00 id) (RFC 5869 s2.3).
/// </summary>
public static class FleetDerivation
{
    /// <summary>Length of what is derived, in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>Longest message, in bytes.</summary>
    public const int MaxMessageSize = 16 + 1 + 64 + 1;

    /// <summary>Label of the external PSK that is imported (TLS 1.3, DTLS 1.3).</summary>
    public const string EpskLabel = "iotpsk epsk";

    /// <summary>Label of the plain external PSK of TLS 1.3.</summary>
    public const string Tls13Label = "iotpsk tls13";

    /// <summary>Label of the (D)TLS 1.2 PSK.</summary>
    public const string Tls12Label = "iotpsk tls12";

    /// <summary>Label of the value that shows, at each opening, that the fleet key is the same one.</summary>
    internal const string CheckLabel = "iotpsk check";

    /// <summary>Label of the key that the keys of session tickets are wrapped under.</summary>
    internal const string TicketLabel = "iotpsk tickets";

    /// <summary>Label of the key that snapshots of associations are sealed under.</summary>
    internal const string SnapshotLabel = "iotpsk snapshot";

    /// <summary>Label of the key that the key cache is sealed under.</summary>
    internal const string CacheLabel = "iotpsk cache";

    /// <summary>Label of the proof that an export of the fleet's keys comes from a gateway that has this one.</summary>
    internal const string ExportLabel = "iotpsk export";

    /// <summary>The label a use is derived under.</summary>
    public static string Label(KeyUse use) => use switch
    {
        KeyUse.External13 => Tls13Label,
        KeyUse.Psk12 => Tls12Label,
        _ => EpskLabel,
    };

    /// <summary>Writes the HMAC's message: label 00 id 01.</summary>
    /// <param name="label">One of the labels.</param>
    /// <param name="id">Device id.</param>
    /// <param name="message">At least <see cref="MaxMessageSize"/> bytes.</param>
    /// <returns>The message's length.</returns>
    /// <exception cref="ArgumentException">Not a device id.</exception>
    public static int WriteMessage(string label, string id, Span<byte> message)
    {
        ArgumentNullException.ThrowIfNull(label);
        if (!DeviceId.IsValid(id))
            throw new ArgumentException("Not a device id.", nameof(id));
        var at = Encoding.ASCII.GetBytes(label, message);
        message[at++] = 0;
        at += Encoding.ASCII.GetBytes(id, message[at..]);
        message[at++] = 1;
        return at;
    }
}
