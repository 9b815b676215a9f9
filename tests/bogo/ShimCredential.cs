using IotPsk.Keys;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Bogo;

/// <summary>A credential of the command line: a PSK to be imported (RFC 9258), or one of a kind that is never used here.</summary>
internal sealed class ShimCredential
{
    internal bool IsPsk { get; init; }
    internal byte[] Key { get; set; } = [];
    internal byte[] Identity { get; set; } = [];
    internal byte[] Context { get; set; } = [];
    internal PskHash Hash { get; set; } = PskHash.Sha256;

    /// <summary>The key imported for TLS 1.3 and a hash of the suites.</summary>
    internal (byte[] Identity, byte[] Key) Import(TlsHash target)
    {
        bool is384 = target == TlsHash.Sha384;
        byte[] identity = new ImportedIdentity(Identity, Context, Rfc9258.Tls13, is384 ? 2 : 1).Encode();
        byte[] key = new byte[is384 ? 48 : 32];
        Rfc9258.Import(Key, Hash, identity, key);
        return (identity, key);
    }
}
