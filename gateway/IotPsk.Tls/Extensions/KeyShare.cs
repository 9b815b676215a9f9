using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>key_share (RFC 8446 s4.2.8).</summary>
internal static class KeyShare
{
    /// <summary>The client's shares, checked for form; an empty list asks for a HelloRetryRequest.</summary>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> shares)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadVector16(out shares) || !reader.IsEmpty)
            return TlsErrorReason.MalformedKeyShare;
        var entries = new WireReader(shares);
        while (!entries.IsEmpty)
        {
            if (!TryReadEntry(ref entries, out _, out _))
                return TlsErrorReason.MalformedKeyShare;
        }

        return TlsErrorReason.None;
    }

    /// <summary>
    /// Holds well-formed shares of the groups known here against the list beside them
    /// (RFC 8446 s4.2.8: each is of an offered group, and there is one of each group). Other groups are skipped, so the work stays linear.
    /// </summary>
    public static TlsErrorReason Check(ReadOnlySpan<byte> shares, ReadOnlySpan<byte> groups)
    {
        bool p256 = false, x25519 = false;
        var entries = new WireReader(shares);
        while (!entries.IsEmpty)
        {
            TryReadEntry(ref entries, out NamedGroup group, out _);
            if (group is not (NamedGroup.Secp256r1 or NamedGroup.X25519))
                continue;

            // RFC 8446 s4.2.8: one share of a group, and of groups that supported_groups names.
            ref bool seen = ref group == NamedGroup.X25519 ? ref x25519 : ref p256;
            if (seen)
                return TlsErrorReason.DuplicateKeyShare;
            seen = true;
            if (!SupportedGroups.Contains(groups, (ushort)group))
                return TlsErrorReason.KeyShareOfUnofferedGroup;
        }

        return TlsErrorReason.None;
    }

    /// <summary>The share of a group among well-formed shares; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> shares, NamedGroup wanted)
    {
        var entries = new WireReader(shares);
        while (!entries.IsEmpty)
        {
            TryReadEntry(ref entries, out NamedGroup group, out ReadOnlySpan<byte> share);
            if (group == wanted)
                return share;
        }

        return default;
    }

    /// <summary>The one share of a ServerHello.</summary>
    public static TlsErrorReason ParseServerShare(ReadOnlySpan<byte> data, out NamedGroup group, out ReadOnlySpan<byte> share)
    {
        var reader = new WireReader(data);
        return TryReadEntry(ref reader, out group, out share) && reader.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedKeyShare;
    }

    /// <summary>The group a HelloRetryRequest asks for.</summary>
    public static TlsErrorReason ParseSelectedGroup(ReadOnlySpan<byte> data, out NamedGroup group)
    {
        var reader = new WireReader(data);
        bool whole = reader.TryReadUInt16(out ushort wire) && reader.IsEmpty;
        group = (NamedGroup)wire;
        return whole ? TlsErrorReason.None : TlsErrorReason.MalformedKeyShare;
    }

    public static void WriteEntry(ref WireWriter writer, Crypto.KeyAgreement key)
    {
        writer.WriteUInt16((ushort)key.Group);
        WireWriter.Mark share = writer.BeginVector(2);
        key.WritePublicKey(writer.Reserve(Crypto.KeyAgreement.PublicKeyLength(key.Group)));
        writer.EndVector(share);
    }

    private static bool TryReadEntry(scoped ref WireReader reader, out NamedGroup group, out ReadOnlySpan<byte> share)
    {
        share = default;
        bool whole = reader.TryReadUInt16(out ushort wire) && reader.TryReadVector16(out share) && !share.IsEmpty;
        group = (NamedGroup)wire;
        return whole;
    }
}
