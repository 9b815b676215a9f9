using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>The key of one device: from the fleet key by one TPM2_HMAC, then the importer for imported uses; or from the device's own key in the TPM.</summary>
internal static class KeyDerivation
{
    /// <summary>
    /// ipskx of a resident device: the Expand step of RFC 9258 s5.1 in the TPM, which holds epskx. HKDF-Expand (RFC 5869 s2.3) of up to 32
    /// bytes is one HMAC, of 48 bytes two.
    /// </summary>
    internal static void DeriveResident(ITpm tpm, TpmWrappedKey epskx, in KeyId id, string serverId, Span<byte> ipsk)
    {
        const int block = SHA256.HashSizeInBytes;
        Span<byte> message = stackalloc byte[block + Rfc9258.MaxInfoSize + 1], mac = stackalloc byte[block];
        try
        {
            var end = block + Rfc9258.WriteInfo(CanonicalIdentity.Encode(id, serverId), PskHash.Sha256, message[block..]);
            byte counter = 0;
            for (var at = 0; at < ipsk.Length; at += block)
            {
                message[end] = ++counter;
                tpm.Hmac(epskx, message[(counter == 1 ? block : 0)..(end + 1)], mac);
                mac[..Math.Min(block, ipsk.Length - at)].CopyTo(ipsk[at..]);
                mac.CopyTo(message);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(message);
            CryptographicOperations.ZeroMemory(mac);
        }
    }

    /// <summary>HMAC under a fleet key; false for an older one that the machine's PCRs do not let work: what hangs on it is lost, the newest key's is not.</summary>
    internal static bool TryHmac(ITpm tpm, EpochRecord epoch, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        try
        {
            tpm.Hmac(epoch.Key, message, mac);
            return true;
        }
        catch (TpmException e) when (e.Fault == TpmFault.PcrChanged && epoch.State != EpochState.Active)
        {
            return false;
        }
    }

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
