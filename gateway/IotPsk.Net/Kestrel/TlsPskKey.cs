using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>A key for an offered identity.</summary>
/// <param name="Key">The key; zeroed once the engine has it.</param>
/// <param name="Binder">The kind of the key.</param>
/// <param name="Hash">The key's hash.</param>
/// <param name="Tag">Handed to <see cref="ITlsPskFeature.Tag"/>.</param>
public sealed record TlsPskKey(byte[] Key, PskBinder Binder = PskBinder.External, TlsHash Hash = TlsHash.Sha256, object? Tag = null);
