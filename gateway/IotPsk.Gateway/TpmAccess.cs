using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway;

/// <summary>The TPM of a configuration, with the authorisation values that it names.</summary>
internal static class TpmAccess
{
    /// <summary>Name of the systemd credential (LoadCredential=) that holds the authorisation value of the keys.</summary>
    internal const string Credential = "tpm-auth";

    /// <summary>The TPM, not opened yet.</summary>
    /// <param name="configuration">Where it is, and the files of its authorisation values.</param>
    /// <param name="fleet">The fleet that has its keys in it; null before it is made.</param>
    internal static EsysTpm Create(TpmConfiguration configuration, FleetRecord? fleet) => new(new TpmOptions
    {
        Tcti = configuration.Tcti,
        KeyAuth = Read(configuration.AuthFile ?? CredentialFile.OfService(Credential)),
        OwnerAuth = Read(configuration.OwnerAuthFile),
        EncryptSession = configuration.EncryptSession,
        StorageRoot = fleet is { IsHere: true } ? fleet.StorageRoot : null,
    });

    private static byte[] Read(string? path) =>
        path is null ? [] : CredentialFile.Read(path, "the TPM's authorisation value", TpmOptions.MaxAuthSize);
}
