using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Keys;

/// <summary>
/// The keys of the cache over a restart: in a file of the state directory, sealed by AES-256-GCM under a key that only the TPM's fleet key gives.
/// Whoever has that has every key anyway; once its epoch is retired nobody opens the file again. Keys of the devices' own are never in it.
/// What is read counts only for devices that the registry still lets in, of the same generation.
/// </summary>
public sealed class SealedKeyCache : IDisposable
{
    private const int HeaderSize = 8 + 1 + sizeof(int), NonceSize = 12, TagSize = 16, SecretSize = 32;
    private const int MaxEntrySize = 1 + DeviceId.MaxLength + sizeof(int) + 1 + sizeof(long) + KeyUses.MaxKeySize;
    private const byte Version = 1;
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly IRegistry _registry;
    private readonly KeyService _keys;
    private readonly string _path;
    private readonly Dictionary<int, byte[]> _sealing = [];
    private readonly Lock _gate = new();

    /// <summary>A cache file that cannot be read or written before <see cref="Unlock"/>.</summary>
    public SealedKeyCache(IRegistry registry, KeyService keys)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(keys);
        (_registry, _keys) = (registry, keys);
        _path = Path.Combine(registry.State.Path, "keys.sealed");
    }

    private static ReadOnlySpan<byte> Magic => "IPSKKEYS"u8;

    /// <summary>Gets the sealing keys of the active epoch and of the file's: one TPM command each. For a job of the TPM's owner.</summary>
    public void Unlock(ITpm tpm)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        var fleet = _registry.RequireFleet();
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        var length = FleetDerivation.WriteMessage(FleetDerivation.CacheLabel, fleet.ServerId, message);
        foreach (var epoch in fleet.Epochs)
        {
            lock (_gate)
            {
                if (!epoch.IsAccepted)
                    Forget(epoch.Number);
                if (!epoch.IsAccepted || _sealing.ContainsKey(epoch.Number))
                    continue;
            }

            var key = GC.AllocateUninitializedArray<byte>(SecretSize, pinned: true);
            if (!KeyDerivation.TryHmac(tpm, epoch, message[..length], key))
                continue;
            lock (_gate)
                _sealing[epoch.Number] = key;
        }
    }

    /// <summary>Puts the keys of the file into the cache.</summary>
    /// <returns>How many, and what is wrong with the file; null when nothing is, or there is none.</returns>
    public (int Keys, string? Problem) Load()
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(_path);
        }
        catch (FileNotFoundException)
        {
            return (0, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (0, $"The sealed keys in {_path} cannot be read, so every key is derived anew: {e.Message}");
        }

        if (file.Length < HeaderSize + NonceSize + TagSize || !file.AsSpan().StartsWith(Magic) || file[Magic.Length] != Version)
            return (0, $"{_path} holds no sealed keys of this version, so every key is derived anew");
        lock (_gate)
        {
            // Of an epoch that is retired: as it should be.
            if (!_sealing.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(Magic.Length + 1)), out var sealing))
                return (0, null);
            return Open(file, sealing);
        }
    }

    /// <summary>Writes the keys of proved peers to the file, in place of those that were in it.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">Not unlocked.</exception>
    public void Save()
    {
        lock (_gate)
        {
            var epoch = _registry.RequireFleet().Epochs.LastOrDefault(e => e.IsAccepted && _sealing.ContainsKey(e.Number))
                ?? throw new InvalidOperationException("the TPM gave no sealing key of an epoch that is still accepted; after the next start every key is derived anew");
            var plain = GC.AllocateUninitializedArray<byte>((_keys.CachedKeys + 1) * MaxEntrySize, pinned: true);
            try
            {
                var length = Collect(plain);
                Write(Seal(plain.AsSpan(0, length), epoch.Number, _sealing[epoch.Number]));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(plain);
            }
        }
    }

    /// <summary>Zeroes the sealing keys.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var epoch in _sealing.Keys.ToArray())
                Forget(epoch);
        }
    }

    private void Forget(int epoch)
    {
        if (_sealing.Remove(epoch, out var key))
            CryptographicOperations.ZeroMemory(key);
    }

    private int Collect(byte[] plain)
    {
        var at = 0;
        _keys.VisitProved((in KeyId id, ReadOnlySpan<byte> key) =>
        {
            // More keys came since the buffer was sized: they are in the next file.
            if (id.Epoch < 1 || plain.Length - at < MaxEntrySize || !_registry.TryGetDevice(id.DeviceId, out var device) || device.IsRevoked)
                return;
            plain[at] = (byte)Encoding.ASCII.GetBytes(id.DeviceId, plain.AsSpan(at + 1));
            at += 1 + id.DeviceId.Length;
            BinaryPrimitives.WriteInt32BigEndian(plain.AsSpan(at), id.Epoch);
            plain[at + 4] = (byte)id.Use;
            BinaryPrimitives.WriteInt64BigEndian(plain.AsSpan(at + 5), device.Generation);
            key.CopyTo(plain.AsSpan(at + 13));
            at += 13 + key.Length;
        });
        return at;
    }

    private static byte[] Seal(ReadOnlySpan<byte> plain, int epoch, byte[] sealing)
    {
        var file = new byte[HeaderSize + NonceSize + plain.Length + TagSize];
        Magic.CopyTo(file);
        file[Magic.Length] = Version;
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(Magic.Length + 1), epoch);
        var nonce = file.AsSpan(HeaderSize, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aead = new AesGcm(sealing, TagSize);
        aead.Encrypt(nonce, plain, file.AsSpan(HeaderSize + NonceSize, plain.Length), file.AsSpan(^TagSize), file.AsSpan(0, HeaderSize));
        return file;
    }

    private void Write(byte[] file)
    {
        var partial = _path + ".partial";
        using (var stream = new FileStream(partial, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = OnlyOwner }))
        {
            stream.Write(file);
            stream.Flush(flushToDisk: true);
        }

        File.Move(partial, _path, overwrite: true);
    }

    private (int Keys, string? Problem) Open(byte[] file, byte[] sealing)
    {
        var plain = GC.AllocateUninitializedArray<byte>(file.Length - HeaderSize - NonceSize - TagSize, pinned: true);
        try
        {
            using var aead = new AesGcm(sealing, TagSize);
            aead.Decrypt(file.AsSpan(HeaderSize, NonceSize), file.AsSpan(HeaderSize + NonceSize, plain.Length), file.AsSpan(^TagSize), plain, file.AsSpan(0, HeaderSize));
            return (Take(plain), null);
        }
        catch (AuthenticationTagMismatchException)
        {
            return (0, $"The sealed keys in {_path} are damaged or of another fleet, so every key is derived anew");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    // What was sealed is what was collected: its form needs no further doubt.
    private int Take(ReadOnlySpan<byte> entries)
    {
        var fleet = _registry.RequireFleet();
        var taken = 0;
        while (!entries.IsEmpty)
        {
            var name = Encoding.ASCII.GetString(entries.Slice(1, entries[0]));
            entries = entries[(1 + name.Length)..];
            var id = new KeyId(name, BinaryPrimitives.ReadInt32BigEndian(entries), (KeyUse)entries[4]);
            var generation = BinaryPrimitives.ReadInt64BigEndian(entries[5..]);
            var size = id.Use.KeySize();
            if (id.IsAcceptedBy(fleet) && _registry.TryGetDevice(name, out var device) && !device.IsRevoked && device.Generation == generation && device.Mode == DeviceMode.Derived)
            {
                _keys.TakeProved(id, entries.Slice(13, size));
                taken++;
            }

            entries = entries[(13 + size)..];
        }

        return taken;
    }
}
