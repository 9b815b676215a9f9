using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>From the fleet key to the key of one device: one TPM2_HMAC, then the importer for imported uses.</summary>
internal static class KeyDerivation
{
    internal static void Derive(ITpm tpm, TpmKeyReference fleetKey, in KeyId id, string serverId, Span<byte> key)
    {
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        var length = FleetDerivation.WriteMessage(FleetDerivation.Label(id.Use), id.DeviceId, message);
        if (!id.Use.IsImported())
        {
            tpm.Hmac(fleetKey, message[..length], key);
            return;
        }

        Span<byte> epsk = stackalloc byte[FleetDerivation.KeySize];
        try
        {
            tpm.Hmac(fleetKey, message[..length], epsk);
            Rfc9258.Import(epsk, PskHash.Sha256, CanonicalIdentity.Encode(id, serverId), key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(epsk);
        }
    }
}
