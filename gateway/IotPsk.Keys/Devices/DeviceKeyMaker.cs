using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Makes keys that belong to one device alone, independent of the fleet key. Blocking.</summary>
public sealed class DeviceKeyMaker
{
    /// <summary>Length of a secret from the generator, in bytes.</summary>
    public const int SecretSize = 32;

    /// <summary>Longest secret of an HMAC-SHA256 key: a longer one stands for its hash (RFC 2104 s2).</summary>
    private const int BlockSize = 64;

    private readonly EsysTpm _tpm;
    private readonly FleetRecord _fleet;

    /// <summary>A maker for a fleet, with its TPM open.</summary>
    public DeviceKeyMaker(EsysTpm tpm, FleetRecord fleet)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(fleet);
        (_tpm, _fleet) = (tpm, fleet);
    }

    /// <summary>Fills a secret from the TPM's generator, combined with the system's.</summary>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public void Generate(Span<byte> secret) => _tpm.FillRandom(secret);

    /// <summary>Puts a secret under the TPM's storage root. What is stored is the key of the mode: for a resident device epskx, never the EPSK.</summary>
    /// <param name="id">Device id.</param>
    /// <param name="mode">Resident or Session.</param>
    /// <param name="secret">The EPSK of a resident device, K of a session device; the caller zeroes it.</param>
    /// <param name="randoms">32 or 28; see <see cref="SessionPsk"/>.</param>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public DeviceKeyRecord Wrap(string id, DeviceMode mode, ReadOnlySpan<byte> secret, int randoms)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)mode, (int)DeviceMode.Derived, nameof(mode));
        Span<byte> key = stackalloc byte[BlockSize];
        try
        {
            key = key[..KeyOf(mode, secret, key)];
            var wrapped = _tpm.CreateDeviceKey(_fleet.StorageRoot, key);
            return Record(id, mode, wrapped, randoms);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Takes a key that was wrapped for this TPM before: in session mode K, in resident mode epskx. It is loaded and used once.</summary>
    /// <param name="id">Device id.</param>
    /// <param name="mode">Resident or Session.</param>
    /// <param name="file">The key.</param>
    /// <param name="where">The file's name, for messages.</param>
    /// <param name="randoms">32 or 28; see <see cref="SessionPsk"/>.</param>
    /// <exception cref="DeviceKeyException">Not an HMAC-SHA256 key, or of another TPM.</exception>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public DeviceKeyRecord Take(string id, DeviceMode mode, Tss2PrivateKey file, string where, int randoms)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfEqual((int)mode, (int)DeviceMode.Derived, nameof(mode));
        HmacPublic.Require(file.Public, where);
        var wrapped = new TpmWrappedKey(FindParent(file, where), file.Private, file.Public);
        Span<byte> mac = stackalloc byte[SessionPsk.Size];
        _tpm.Hmac(wrapped, "iotpsk check"u8, mac);
        CryptographicOperations.ZeroMemory(mac);
        return Record(id, mode, wrapped, randoms);
    }

    /// <summary>What is unwise about a key that was wrapped elsewhere; null when nothing is.</summary>
    /// <exception cref="DeviceKeyException">Not an HMAC-SHA256 key.</exception>
    public static string? Warn(Tss2PrivateKey file, string where)
    {
        ArgumentNullException.ThrowIfNull(file);
        HmacPublic.Require(file.Public, where);
        return (new TpmPublic(file.Public).Attributes & TpmWire.NoDictionaryAttack) != 0
            ? null
            : $"The key in {where} has no noda attribute: each power cut after its use counts towards the TPM's lockout";
    }

    private static int KeyOf(DeviceMode mode, ReadOnlySpan<byte> secret, Span<byte> key)
    {
        if (mode == DeviceMode.Resident)
        {
            // RFC 9258 s5.1: HKDF-Extract has the EPSK as its message, so the TPM can hold what comes out, not what goes in.
            Rfc9258.Extract(secret, PskHash.Sha256, key[..SHA256.HashSizeInBytes]);
            return SHA256.HashSizeInBytes;
        }

        if (secret.Length > BlockSize)
            return SHA256.HashData(secret, key);
        secret.CopyTo(key);
        return secret.Length;
    }

    private static DeviceKeyRecord Record(string id, DeviceMode mode, TpmWrappedKey key, int randoms) => new(
        id, mode, new Tss2PrivateKey(key.Parent.Handle, key.Public, key.Private, true).Write(), key.Parent.Name, randoms);

    private TpmKeyReference FindParent(Tss2PrivateKey file, string where)
    {
        if (file.Parent == Tss2PrivateKey.OwnerHierarchy)
        {
            return _tpm.FindPrimaryOf(_fleet.StorageRoot, file.Private, file.Public) ?? throw new DeviceKeyException(
                $"The key in {where} loads under no primary key of the TPM at {_tpm.Address}: neither under the storage root key (ECC P-256, attributes " +
                $"0x{TpmWire.StorageRootAttributes:x}, tpm2_createprimary -G ecc with noda) nor under that of plain tpm2_createprimary -G ecc " +
                $"(0x{TpmWire.ToolsPrimaryAttributes:x}). Wrap it under 0x{_fleet.StorageRoot.Handle:x8} of this TPM");
        }

        var found = _tpm.ReadPublic(file.Parent) ?? throw new DeviceKeyException(
            $"The key in {where} lies under 0x{file.Parent:x8}, where the TPM at {_tpm.Address} has no key: wrap it under 0x{_fleet.StorageRoot.Handle:x8} of this TPM");
        var parent = new TpmKeyReference(file.Parent, found.Name);
        return _tpm.Loads(parent, file.Private, file.Public) ? parent : throw new DeviceKeyException(
            $"The key in {where} does not load under 0x{file.Parent:x8} of the TPM at {_tpm.Address}: it was wrapped by another TPM, or under another key at that handle");
    }
}
