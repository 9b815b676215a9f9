using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>pre_shared_key (RFC 8446 s4.2.11).</summary>
internal static class PreSharedKey
{
    /// <summary>An identity of one byte with its length and its obfuscated_ticket_age: what the list holds at least.</summary>
    private const int MinIdentitiesLength = 7;

    /// <summary>The client's offer: both lists, checked for form and equal number.</summary>
    public static TlsErrorReason Parse(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> identities, out ReadOnlySpan<byte> binders, out int count)
    {
        binders = default;
        count = 0;
        var reader = new WireReader(data);
        if (!reader.TryReadVector16(out identities) || identities.Length < MinIdentitiesLength ||
            !reader.TryReadVector16(out binders) || binders.IsEmpty || !reader.IsEmpty)
            return TlsErrorReason.MalformedPreSharedKey;

        var entries = new WireReader(identities);
        for (; !entries.IsEmpty; count++)
        {
            if (!TryReadIdentity(ref entries, out _))
                return TlsErrorReason.MalformedPreSharedKey;
        }

        // A binder shorter than a hash is well-formed here: it cannot verify, and a wrong binder is a decrypt_error whatever its length.
        int binderCount = 0;
        for (var each = new WireReader(binders); !each.IsEmpty; binderCount++)
        {
            if (!each.TryReadVector8(out _))
                return TlsErrorReason.MalformedPreSharedKey;
        }

        // RFC 8446 s4.2.11: one binder for each identity, in the same order.
        return binderCount == count ? TlsErrorReason.None : TlsErrorReason.BinderCountMismatch;
    }

    /// <summary>An identity of a well-formed list; the caller keeps to the count.</summary>
    public static ReadOnlySpan<byte> Identity(ReadOnlySpan<byte> identities, int index)
    {
        var entries = new WireReader(identities);
        ReadOnlySpan<byte> identity;
        do
        {
            if (!TryReadIdentity(ref entries, out identity))
                throw new ArgumentOutOfRangeException(nameof(index), index, "no such identity");
        }
        while (index-- > 0);
        return identity;
    }

    /// <summary>Where an identity stands in a well-formed list; -1 if it does not.</summary>
    public static int IndexOf(ReadOnlySpan<byte> identities, ReadOnlySpan<byte> wanted)
    {
        var entries = new WireReader(identities);
        for (int i = 0; TryReadIdentity(ref entries, out ReadOnlySpan<byte> identity); i++)
        {
            if (identity.SequenceEqual(wanted))
                return i;
        }

        return -1;
    }

    /// <summary>A binder of a well-formed list.</summary>
    public static ReadOnlySpan<byte> Binder(ReadOnlySpan<byte> binders, int index)
    {
        var entries = new WireReader(binders);
        ReadOnlySpan<byte> binder;
        do
        {
            if (!entries.TryReadVector8(out binder))
                throw new ArgumentOutOfRangeException(nameof(index), index, "no such binder");
        }
        while (index-- > 0);
        return binder;
    }

    /// <summary>The server's choice.</summary>
    public static TlsErrorReason ParseSelectedIdentity(ReadOnlySpan<byte> data, out ushort index)
    {
        var reader = new WireReader(data);
        return reader.TryReadUInt16(out index) && reader.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedPreSharedKey;
    }

    public static void WriteSelectedIdentity(ref WireWriter writer, int index)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.PreSharedKey);
        writer.WriteUInt16((ushort)index);
        writer.EndVector(extension);
    }

    private static bool TryReadIdentity(scoped ref WireReader reader, out ReadOnlySpan<byte> identity) =>
        reader.TryReadVector16(out identity) && !identity.IsEmpty && reader.TryReadUInt32(out _);
}
