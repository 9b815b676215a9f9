using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// The keys of session tickets: random, one a day, wrapped in the registry under a key that only the TPM's fleet key gives, and erased once no
/// ticket of theirs can be good any more. What they are good for is the resumption of their day, never a device's key.
/// </summary>
public sealed class TicketKeyRing : IDisposable
{
    /// <summary>Length of a key's name, in bytes.</summary>
    public const int NameSize = 8;

    /// <summary>Length of a key, in bytes.</summary>
    public const int SecretSize = 32;

    /// <summary>A key makes tickets for so long.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromDays(1);

    private const int NonceSize = 12, TagSize = 16;
    private readonly IRegistry _registry;
    private readonly TimeProvider _time;
    private long _keep;
    private readonly Dictionary<int, byte[]> _wrapping = [];
    private readonly Lock _gate = new();

    /// <summary>A ring that cannot unwrap anything before <see cref="Unlock"/>.</summary>
    /// <param name="registry">Where the wrapped keys are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ticketLifetime">How long a ticket is good, up to 7 days (RFC 8446 s4.6.1); a key is kept a day longer than its last ticket.</param>
    public TicketKeyRing(IRegistry registry, TimeProvider time, TimeSpan ticketLifetime)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(time);
        (_registry, _time) = (registry, time);
        SetTicketLifetime(ticketLifetime);
    }

    /// <summary>Changes how long tickets are good: what is kept from the next <see cref="Refresh"/> on.</summary>
    /// <param name="ticketLifetime">As for a new ring.</param>
    public void SetTicketLifetime(TimeSpan ticketLifetime)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ticketLifetime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ticketLifetime, TimeSpan.FromDays(7));
        Volatile.Write(ref _keep, (Period + ticketLifetime + TimeSpan.FromDays(1)).Ticks);
    }

    /// <summary>Gets the wrapping keys of the accepted epochs: one TPM command each. For a job of the TPM's owner.</summary>
    public void Unlock(ITpm tpm)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        FleetRecord fleet = _registry.RequireFleet();
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        int length = FleetDerivation.WriteMessage(FleetDerivation.TicketLabel, fleet.ServerId, message);
        lock (_gate)
        {
            foreach (int number in _wrapping.Keys.Where(number => fleet.Epoch(number) is not { IsAccepted: true }).ToArray())
                Forget(number);
        }
        foreach (EpochRecord epoch in fleet.Epochs.Where(e => e.IsAccepted))
        {
            byte[] key = GC.AllocateUninitializedArray<byte>(SecretSize, pinned: true);
            if (!KeyDerivation.TryHmac(tpm, epoch, message[..length], key))
                continue;
            lock (_gate)
            {
                Forget(epoch.Number);
                _wrapping[epoch.Number] = key;
            }
        }
    }

    /// <summary>
    /// Makes the key of a new period if it is time, erases those that are too old, and hands out the rest, the current one first. Call it at the
    /// start and every hour; other gateways of the registry get the same keys.
    /// </summary>
    /// <param name="use">Gets the keys; they are zeroed when it returns.</param>
    /// <exception cref="RegistryException">The registry cannot be read or written.</exception>
    /// <exception cref="InvalidOperationException">Not unlocked.</exception>
    public void Refresh(Action<IReadOnlyList<TicketKeyMaterial>> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        lock (_gate)
        {
            int epoch = _registry.RequireFleet().ActiveEpoch!.Number;
            if (!_wrapping.ContainsKey(epoch))
                throw new InvalidOperationException("The ring is locked.");
            DateTimeOffset now = _time.GetUtcNow();
            IReadOnlyList<WrappedTicketKey> wrapped = _registry.TicketKeys.ReadTicketKeys();
            // A clock that was set back must not keep a key of the future for ever, nor a damaged key the fleet without tickets.
            if (!wrapped.Any(WillDo))
            {
                Make(epoch, now, WillDo);
                wrapped = _registry.TicketKeys.ReadTicketKeys();
            }
            DateTimeOffset oldest = now - TimeSpan.FromTicks(Volatile.Read(ref _keep));
            if (wrapped.Any(key => key.CreatedAt <= oldest))
                _registry.TicketKeys.EraseTicketKeys(oldest);
            HandOut([.. wrapped.Where(key => key.CreatedAt > oldest).OrderByDescending(WillDo)], use);

            bool WillDo(WrappedTicketKey key) => key.Epoch == epoch && key.CreatedAt > now - Period && key.CreatedAt <= now && IsWhole(key);
        }
    }

    /// <summary>Zeroes the wrapping keys.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (int epoch in _wrapping.Keys.ToArray())
                Forget(epoch);
        }
    }

    private void Forget(int epoch)
    {
        if (_wrapping.Remove(epoch, out byte[]? key))
            CryptographicOperations.ZeroMemory(key);
    }

    private void Make(int epoch, DateTimeOffset now, Func<WrappedTicketKey, bool> willDo)
    {
        Span<byte> secret = stackalloc byte[SecretSize];
        RandomNumberGenerator.Fill(secret);
        try
        {
            byte[] name = RandomNumberGenerator.GetBytes(NameSize), wrapped = new byte[NonceSize + SecretSize + TagSize];
            RandomNumberGenerator.Fill(wrapped.AsSpan(0, NonceSize));
            using var aead = new AesGcm(_wrapping[epoch], TagSize);
            aead.Encrypt(wrapped.AsSpan(0, NonceSize), secret, wrapped.AsSpan(NonceSize, SecretSize), wrapped.AsSpan(NonceSize + SecretSize), Bound(name, epoch, now));
            _registry.TicketKeys.AddTicketKey(new WrappedTicketKey(name, epoch, DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds()), wrapped), willDo);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private void HandOut(WrappedTicketKey[] wrapped, Action<IReadOnlyList<TicketKeyMaterial>> use)
    {
        var keys = new List<TicketKeyMaterial>(wrapped.Length);
        try
        {
            foreach (WrappedTicketKey key in wrapped)
            {
                // Of an epoch that is retired, or damaged: tickets of it are refused, and the device uses its own key.
                if (_registry.Fleet?.Epoch(key.Epoch) is { IsAccepted: true } && TryUnwrap(key) is { } secret)
                    keys.Add(new TicketKeyMaterial(key.Name, secret, key.CreatedAt));
            }
            use(keys);
        }
        finally
        {
            foreach (TicketKeyMaterial key in keys)
                CryptographicOperations.ZeroMemory(key.Secret);
        }
    }

    private bool IsWhole(WrappedTicketKey key)
    {
        byte[]? secret = TryUnwrap(key);
        CryptographicOperations.ZeroMemory(secret);
        return secret is not null;
    }

    private byte[]? TryUnwrap(WrappedTicketKey key)
    {
        if (!_wrapping.TryGetValue(key.Epoch, out byte[]? wrapping) || key.Wrapped.Length != NonceSize + SecretSize + TagSize)
            return null;
        byte[] secret = GC.AllocateUninitializedArray<byte>(SecretSize, pinned: true);
        using var aead = new AesGcm(wrapping, TagSize);
        try
        {
            aead.Decrypt(key.Wrapped.AsSpan(0, NonceSize), key.Wrapped.AsSpan(NonceSize, SecretSize), key.Wrapped.AsSpan(NonceSize + SecretSize), secret,
                Bound(key.Name, key.Epoch, key.CreatedAt));
            return secret;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    // Name, epoch and time cannot be changed in the registry without the key being lost.
    private static byte[] Bound(byte[] name, int epoch, DateTimeOffset createdAt)
    {
        byte[] bound = new byte[name.Length + 12];
        name.CopyTo(bound, 0);
        BinaryPrimitives.WriteInt32BigEndian(bound.AsSpan(name.Length), epoch);
        BinaryPrimitives.WriteInt64BigEndian(bound.AsSpan(name.Length + 4), createdAt.ToUnixTimeMilliseconds());
        return bound;
    }
}
