using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Keys of single devices: wrapped by the storage root, loaded for each use.</summary>
public sealed unsafe partial class EsysTpm
{
    private const int MaxRandomAtOnce = 32;

    /// <inheritdoc/>
    public void Hmac(TpmWrappedKey key, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        ArgumentNullException.ThrowIfNull(key);
        var tr = Load(Find(key.Parent, []), key.Private, key.Public, "a device key");
        try
        {
            SetAuth(tr, _options.KeyAuth.Span);
            Hmac(tr, message, mac, "a device key", 0, Authorize());
        }
        finally
        {
            Flush(tr);
        }
    }

    /// <summary>Bytes from the TPM's generator, combined with the system's: good as long as either is.</summary>
    /// <exception cref="TpmException">The TPM failed.</exception>
    internal void FillRandom(Span<byte> target)
    {
        RandomNumberGenerator.Fill(target);
        Span<byte> part = stackalloc byte[MaxRandomAtOnce];
        for (var at = 0; at < target.Length;)
        {
            var count = GetRandom(part[..Math.Min(MaxRandomAtOnce, target.Length - at)]);
            for (var i = 0; i < count; i++)
                target[at++] ^= part[i];
        }

        CryptographicOperations.ZeroMemory(part);
    }

    /// <summary>Wraps an HMAC-SHA256 key with a given secret under a storage parent: fixedTPM, fixedParent, noDA.</summary>
    /// <param name="parent">The storage parent.</param>
    /// <param name="secret">16 to 64 bytes.</param>
    /// <exception cref="TpmException">The TPM failed.</exception>
    internal TpmWrappedKey CreateDeviceKey(TpmKeyReference parent, ReadOnlySpan<byte> secret)
    {
        var wrapped = Create(parent, TpmWire.DeviceKeyTemplate, secret, "a device key");
        return new TpmWrappedKey(parent, wrapped.Private, wrapped.Public);
    }

    /// <summary>
    /// The storage key that a primary key of the owner hierarchy is, which the file of a key does not tell apart: the storage root, or the one
    /// tpm2_createprimary makes unasked, which is then made persistent.
    /// </summary>
    /// <returns>The parent under which the key loads, or null when it loads under neither.</returns>
    internal TpmKeyReference? FindPrimaryOf(TpmKeyReference storageRoot, byte[] wrappedPrivate, byte[] wrappedPublic)
    {
        if (Loads(Find(storageRoot, []), wrappedPrivate, wrappedPublic))
            return storageRoot;
        var primary = CreatePrimary(TpmWire.ToolsPrimaryTemplate);
        try
        {
            return Loads(primary, wrappedPrivate, wrappedPublic) ? KeepPrimary(primary) : null;
        }
        finally
        {
            Flush(primary);
        }
    }

    /// <summary>Whether a key loads under a parent; false when it was wrapped by another one.</summary>
    internal bool Loads(TpmKeyReference parent, byte[] wrappedPrivate, byte[] wrappedPublic) => Loads(Find(parent, []), wrappedPrivate, wrappedPublic);

    private bool Loads(uint parent, byte[] wrappedPrivate, byte[] wrappedPublic)
    {
        try
        {
            Flush(Load(parent, wrappedPrivate, wrappedPublic, "a device key"));
            return true;
        }
        catch (TpmException e) when (e.Fault == TpmFault.Failed)
        {
            // TPM_RC_INTEGRITY from most; a TPM may find other words for what it cannot unwrap.
            return false;
        }
    }

    private TpmKeyReference KeepPrimary(uint primary)
    {
        var name = ReadPublicOf(primary, "a primary key").Name;
        for (var handle = TpmWire.FirstPrimaryHandle; handle <= TpmWire.LastPrimaryHandle; handle++)
        {
            if (ReadPublic(handle) is not { } found)
            {
                Evict(primary, handle);
                return new TpmKeyReference(handle, name);
            }

            if (found.Name.AsSpan().SequenceEqual(name))
                return new TpmKeyReference(handle, name);
        }

        throw new TpmException(
            TpmFault.NoSpace, $"TPM at {Address}: no free persistent handle between 0x{TpmWire.FirstPrimaryHandle:x8} and 0x{TpmWire.LastPrimaryHandle:x8}");
    }

    private int GetRandom(Span<byte> target)
    {
        var connection = Connection;
        nint random = 0;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_GetRandom(connection.Context, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, (ushort)target.Length, &random);
        while (connection.Again(TpmCommand.GetRandom, rc, ref attempt));
        connection.Check(rc, "TPM2_GetRandom");
        var wire = connection.Take(ref random, &Tss2.Tss2_MU_TPM2B_DIGEST_Marshal);
        var count = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(wire), target.Length);
        wire.Slice(2, count).CopyTo(target);
        connection.ClearTaken();
        return count > 0 ? count : throw new TpmException(TpmFault.Failed, $"TPM at {Address}: TPM2_GetRandom answered no bytes");
    }
}
