using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Tests.Support;

/// <summary>The suites by the version that speaks them, and ends that speak exactly one.</summary>
internal static class Suites
{
    public static IEnumerable<CipherSuite> All => Enum.GetValues<CipherSuite>().Where(suite => suite != CipherSuite.None);

    public static IEnumerable<CipherSuite> Tls12 => All.Where(IsTls12);

    public static IEnumerable<CipherSuite> Tls13 => All.Where(suite => !IsTls12(suite));

    public static bool IsTls12(CipherSuite suite) => Tls12Suite.TryGet(suite, out _);

    public static bool IsEcdhe(CipherSuite suite) => Tls12Suite.TryGet(suite, out Tls12Suite? row) && row.Mode == PskKeyExchangeMode.PskDheKe;

    public static TlsHash Hash(CipherSuite suite) => suite == CipherSuite.TLS_AES_256_GCM_SHA384 ? TlsHash.Sha384 : TlsHash.Sha256;

    /// <summary>The kind of key that the suite's version takes.</summary>
    public static PskBinder Binder(CipherSuite suite) => IsTls12(suite) ? PskBinder.External : PskBinder.Imported;

    /// <summary>A client that offers one suite.</summary>
    public static PskTlsClientOptions Client(CipherSuite suite) => IsTls12(suite)
        ? new() { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], Tls12CipherSuites = [suite] }
        : new() { Credentials = [Link.Credential(hash: Hash(suite))], CipherSuites = [suite] };

    public static void Provide(PskTlsServer server, CipherSuite suite) => server.ProvidePsk(0, Link.Key, Binder(suite), Hash(suite));
}
