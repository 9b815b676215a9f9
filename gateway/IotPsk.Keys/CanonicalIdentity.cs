using System.Text;
using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>The one identity a key has on the wire.</summary>
public static class CanonicalIdentity
{
    /// <summary>Longest canonical identity in bytes: an imported one with longest device id, server id and epoch.</summary>
    public const int MaxSize = 2 + MaxExternalSize + 2 + (2 * (1 + DeviceId.MaxLength)) + 4;

    private const int MaxExternalSize = ExternalIdentity.MaxLength;

    /// <summary>external_identity as text: id~epoch, id~r (resident) or id~s (session).</summary>
    public static string External(in KeyId key) => ExternalIdentity.Format(key.DeviceId, key.Epoch);

    /// <summary>
    /// The PskIdentity.identity of a key: the serialised ImportedIdentity, whose context names device and server (RFC 9258 s5.1,
    /// Appendix A), or the external identity itself.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="serverId">The fleet's logical name.</param>
    public static byte[] Encode(in KeyId key, string serverId)
    {
        var external = Encoding.ASCII.GetBytes(External(key));
        if (!key.Use.IsImported())
            return external;
        var context = RoleContext.Encode(key.DeviceId, serverId);
        return new ImportedIdentity(external, context, key.Use.TargetProtocol(), key.Use.TargetKdf()).Encode();
    }
}
