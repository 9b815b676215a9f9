using System.Text;
using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>The protocol an identity was offered in.</summary>
public enum PskProtocol
{
    /// <summary>TLS 1.3: imported, or plain external.</summary>
    Tls13,

    /// <summary>DTLS 1.3: imported.</summary>
    Dtls13,

    /// <summary>TLS 1.2 and DTLS 1.2: the external identity; never imported (RFC 9258 s5.1).</summary>
    Tls12,
}

/// <summary>Why an identity is not acceptable; for logs and counters, never told to the peer.</summary>
public enum PskRefusal
{
    /// <summary>It is acceptable.</summary>
    None,

    /// <summary>There is no fleet.</summary>
    NoFleet,

    /// <summary>Not of our shape at all, such as somebody else's ticket.</summary>
    NotAnIdentity,

    /// <summary>Of our shape, but not the one way it is written.</summary>
    NotCanonical,

    /// <summary>No such device.</summary>
    UnknownDevice,

    /// <summary>The device is revoked.</summary>
    RevokedDevice,

    /// <summary>No such epoch, or not accepted (any longer).</summary>
    UnknownEpoch,

    /// <summary>The identity is of another mode than the device.</summary>
    WrongMode,

    /// <summary>The context names another device or another server.</summary>
    WrongContext,

    /// <summary>Imported for another protocol, or for an unknown KDF.</summary>
    WrongTarget,

    /// <summary>A ticket of before the device was revoked, reinstated or provisioned anew.</summary>
    OtherGeneration,
}

/// <summary>What an identity stands for, or why it stands for nothing.</summary>
/// <param name="Refusal">None when the identity is acceptable.</param>
/// <param name="Key">The key; valid when acceptable. The device id is set as soon as the device is known.</param>
/// <param name="Generation">The device's registry generation.</param>
public readonly record struct PskDecision(PskRefusal Refusal, KeyId Key, long Generation)
{
    /// <summary>Whether the identity is acceptable.</summary>
    public bool IsAccepted => Refusal == PskRefusal.None;

    /// <summary>Whether the binder is "imp binder" (RFC 9258 s5.2) and not "ext binder".</summary>
    public bool IsImported => Key.Use.IsImported();

    /// <summary>The hash the PSK is used with.</summary>
    public PskHash Hash => Key.Use.Hash();
}

/// <summary>
/// Decides what an identity from the wire stands for: registry only, no TPM, no lock. The one canonical identity is rebuilt and compared as bytes;
/// whatever differs is unknown.
/// </summary>
public sealed class PskAuthority
{
    private readonly IDeviceRegistry _registry;

    /// <summary>An authority over a registry.</summary>
    public PskAuthority(IDeviceRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        _registry = registry;
    }

    /// <summary>Decides about one identity.</summary>
    /// <param name="identity">PskIdentity.identity (RFC 8446 s4.2.11) or psk_identity (RFC 4279 s2).</param>
    /// <param name="protocol">Where it was offered.</param>
    public PskDecision Identify(ReadOnlySpan<byte> identity, PskProtocol protocol)
    {
        if (_registry.Fleet is not { } fleet)
            return Refuse(PskRefusal.NoFleet);
        // RFC 9258 s5.1: over-long identities are rejected before they are parsed.
        if (identity.IsEmpty || identity.Length > CanonicalIdentity.MaxSize)
            return Refuse(PskRefusal.NotAnIdentity);
        // A serialised ImportedIdentity begins with a 16-bit length below 256; no device id contains a zero byte.
        return identity[0] == 0 ? Imported(fleet, identity, protocol) : External(fleet, identity, protocol);
    }

    /// <summary>Decides whether a new session may follow from what a key once opened: the judgement of a session ticket.</summary>
    /// <param name="key">The key at the start of the chain of resumptions.</param>
    /// <param name="generation">The device's registry generation then.</param>
    public PskDecision Resume(in KeyId key, long generation)
    {
        var decision = GoOn(key, generation);
        return decision.IsAccepted && !key.AllowsTickets ? decision with { Refusal = PskRefusal.WrongMode } : decision;
    }

    /// <summary>Decides whether a session that a key opened may go on, of a device that gets no tickets too.</summary>
    /// <param name="key">The key.</param>
    /// <param name="generation">The device's registry generation when it was opened.</param>
    public PskDecision GoOn(in KeyId key, long generation)
    {
        if (_registry.Fleet is not { } fleet)
            return Refuse(PskRefusal.NoFleet);
        var decision = Device(fleet, key.DeviceId, key.Epoch, key.Use);
        return decision.IsAccepted && decision.Generation != generation ? decision with { Refusal = PskRefusal.OtherGeneration } : decision;
    }

    private static PskDecision Refuse(PskRefusal refusal, string deviceId = "") => new(refusal, new KeyId(deviceId, 0, default), 0);

    private PskDecision Imported(FleetRecord fleet, ReadOnlySpan<byte> identity, PskProtocol protocol)
    {
        var bytes = identity.ToArray();
        var imported = ImportedIdentity.TryParse(bytes, 0, bytes.Length);
        if (imported == null)
            return Refuse(PskRefusal.NotAnIdentity);
        KeyUse use;
        switch (protocol, imported.TargetProtocol, imported.TargetKdf)
        {
            case (PskProtocol.Tls13, Rfc9258.Tls13, Rfc9258.HkdfSha256):
                use = KeyUse.ImportedTls13Sha256;
                break;
            case (PskProtocol.Tls13, Rfc9258.Tls13, Rfc9258.HkdfSha384):
                use = KeyUse.ImportedTls13Sha384;
                break;
            case (PskProtocol.Dtls13, Rfc9258.Dtls13, Rfc9258.HkdfSha256):
                use = KeyUse.ImportedDtls13Sha256;
                break;
            default:
                return Refuse(PskRefusal.WrongTarget);
        }

        var decision = Device(fleet, imported.ExternalIdentity, use);
        if (decision.IsAccepted && !identity.SequenceEqual(CanonicalIdentity.Encode(decision.Key, fleet.ServerId)))
            return decision with { Refusal = PskRefusal.WrongContext };
        return decision;
    }

    private PskDecision External(FleetRecord fleet, ReadOnlySpan<byte> identity, PskProtocol protocol)
    {
        if (protocol == PskProtocol.Dtls13)
            return Refuse(PskRefusal.WrongTarget);
        var decision = Device(fleet, identity, protocol == PskProtocol.Tls12 ? KeyUse.Psk12 : KeyUse.External13);
        if (decision.IsAccepted && !identity.SequenceEqual(CanonicalIdentity.Encode(decision.Key, fleet.ServerId)))
            return decision with { Refusal = PskRefusal.NotCanonical };
        return decision;
    }

    private PskDecision Device(FleetRecord fleet, ReadOnlySpan<byte> external, KeyUse use)
    {
        if (!Ascii.IsValid(external))
            return Refuse(PskRefusal.NotAnIdentity);
        var text = Encoding.ASCII.GetString(external);
        if (!ExternalIdentity.TryParse(text, out var deviceId, out var epoch))
            return Refuse(text.Contains('~', StringComparison.Ordinal) ? PskRefusal.NotCanonical : PskRefusal.NotAnIdentity);
        return Device(fleet, deviceId, epoch, use);
    }

    private PskDecision Device(FleetRecord fleet, string deviceId, int epoch, KeyUse use)
    {
        if (!_registry.TryGetDevice(deviceId, out var device))
            return Refuse(PskRefusal.UnknownDevice);
        var decision = new PskDecision(PskRefusal.None, new KeyId(device.Id, epoch, use), device.Generation);
        if (device.IsRevoked)
            return decision with { Refusal = PskRefusal.RevokedDevice };
        if (Use(device.Mode, epoch, use) is not { } allowed)
            return decision with { Refusal = PskRefusal.WrongMode };
        decision = decision with { Key = decision.Key with { Use = allowed } };
        return decision.Key.IsAcceptedBy(fleet) ? decision : decision with { Refusal = PskRefusal.UnknownEpoch };
    }

    /// <summary>What a device of this mode may use a key of this epoch for; null when nothing.</summary>
    private static KeyUse? Use(DeviceMode mode, int epoch, KeyUse asked) => (mode, epoch) switch
    {
        (DeviceMode.Derived, > 0) => asked,
        // The TPM holds epskx, from which imported keys come and nothing else.
        (DeviceMode.Resident, ExternalIdentity.ResidentEpoch) when asked.IsImported() => asked,
        // The server's random is known before the key is needed in (D)TLS 1.2 alone.
        (DeviceMode.Session, ExternalIdentity.SessionEpoch) when asked is KeyUse.Psk12 or KeyUse.Session12 => KeyUse.Session12,
        _ => null,
    };
}
