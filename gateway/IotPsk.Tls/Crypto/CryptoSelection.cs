using IotPsk.Tls.Crypto.BaseLibrary;
using IotPsk.Tls.Crypto.OpenSsl;

namespace IotPsk.Tls.Crypto;

/// <summary>Which library this process uses: libcrypto 3, or the base library where that is missing or somebody says so.</summary>
internal static class CryptoSelection
{
    /// <summary>A switch of the runtime's configuration: true takes the base library.</summary>
    public const string Switch = "IotPsk.Tls.UseBaseLibrary";

    /// <summary>An environment variable: "base" takes the base library.</summary>
    public const string Variable = "IOTPSK_TLS_CRYPTO";

    public static CryptoProvider Select(bool isLibCryptoAvailable) =>
        isLibCryptoAvailable && !IsBaseLibraryWanted ? OpenSslProvider.Create() : new BaseLibraryProvider();

    private static bool IsBaseLibraryWanted =>
        (AppContext.TryGetSwitch(Switch, out bool wanted) && wanted) || Environment.GetEnvironmentVariable(Variable) == "base";
}
