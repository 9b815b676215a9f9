using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// Device keys on demand: from the cache, else one TPM command shared by all who ask for the same key. Peers that proved nothing are held
/// to token buckets and to half of the TPM queue. Thread safe; never blocks.
/// </summary>
public sealed partial class KeyService : IDisposable
{
    private readonly IDeviceRegistry _registry;
    private readonly TpmOwner _tpm;
    private readonly KeyServiceOptions _options;
    private readonly TimeProvider _time;
    private readonly KeyCache _cache;
    private readonly Lock _gate = new();
    private readonly Dictionary<KeyId, Derivation> _underway = [];
    private readonly TokenBuckets<string> _deviceBuckets;
    private readonly TokenBuckets<SourcePrefix> _prefixBuckets;
    private long _doubtAt = long.MinValue;
    private bool _stopped;

    /// <summary>A service over a registry and a TPM; neither is disposed with it.</summary>
    public KeyService(IDeviceRegistry registry, TpmOwner tpm, KeyServiceOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _registry = registry;
        _tpm = tpm;
        _options = options;
        _time = time;
        _cache = new KeyCache(options.CacheCapacity, options.ProbationCapacity);
        _deviceBuckets = new TokenBuckets<string>(options.DeviceRate, options.DeviceBurst, options.BucketCapacity, time.TimestampFrequency);
        _prefixBuckets = new TokenBuckets<SourcePrefix>(options.PrefixRate, options.PrefixBurst, options.BucketCapacity, time.TimestampFrequency);
        _sessions = new SessionGate(options, time.TimestampFrequency);
        registry.DeviceChanged += OnDeviceChanged;
        registry.FleetChanged += OnFleetChanged;
    }

    /// <summary>What it has done so far.</summary>
    public KeyServiceCounters Counters { get; } = new();

    /// <summary>Keys of proved peers in the cache.</summary>
    public int CachedKeys => _cache.ProvedCount;

    /// <summary>Keys of unproved peers in the cache.</summary>
    public int ProbationKeys => _cache.ProbationCount;

    /// <summary>Bytes of key memory the system refused to keep out of swap (raise LimitMEMLOCK).</summary>
    public long UnlockedBytes => _cache.UnlockedBytes;

    /// <summary>A warning when the cache cannot hold every key that may be in use, else null.</summary>
    public string? CapacityWarning
    {
        get
        {
            var epochs = _registry.Fleet?.Epochs.Count(static epoch => epoch.IsAccepted) ?? 0;
            var labels = 2L;
            var needed = _registry.DeviceCount * epochs * labels;
            return needed <= _options.CacheCapacity
                ? null
                : $"The key cache holds {_options.CacheCapacity} keys, but {_registry.DeviceCount} devices in {epochs} epochs may use {needed}: " +
                    "devices will wait for the TPM again and again";
        }
    }

    /// <summary>Copies a key from the cache; one lock of a part of the cache for the time of the copy.</summary>
    /// <param name="id">The key.</param>
    /// <param name="key">At least <see cref="KeyUses.MaxKeySize"/> bytes.</param>
    /// <param name="length">The key's length.</param>
    public bool TryGetCached(in KeyId id, Span<byte> key, out int length)
    {
        if (!_cache.TryGet(id, key, out length))
            return false;
        Counters.CountHit();
        return true;
    }

    /// <summary>Asks for a key, for a peer that has proved nothing yet.</summary>
    /// <param name="id">A key that <see cref="PskAuthority"/> accepted.</param>
    /// <param name="source">Where the peer is.</param>
    /// <param name="state">Handed to <paramref name="done"/>.</param>
    /// <param name="done">Called exactly once, within this call or later on another thread.</param>
    public void Request(in KeyId id, SourcePrefix source, object? state, KeyReady done)
    {
        ArgumentNullException.ThrowIfNull(done);
        Span<byte> buffer = stackalloc byte[KeyUses.MaxKeySize];
        try
        {
            var status = KeyStatus.Ok;
            Derivation? job = null;
            if (!TryGetCached(id, buffer, out var length) && !Begin(id, source, state, done, buffer, out length, out status, out job))
                return;
            if (job != null)
            {
                _tpm.TryEnqueue(job);
                return;
            }

            done(state, new KeyResult(status, buffer[..length], 0, null));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <summary>The peer proved the key (binder or Finished verified): no unproved peer can displace it any longer.</summary>
    /// <param name="id">The key.</param>
    /// <param name="source">Where the peer is: that a device of session mode is there, and not among those who merely name it.</param>
    /// <returns>False when the key is not cached any longer.</returns>
    public bool Promote(in KeyId id, SourcePrefix source = default)
    {
        if (id.IsPerSession)
        {
            SessionProved(id, source);
            return true;
        }

        var inTime = _cache.Promote(id);
        _registry.NoteEpoch(id.DeviceId, id.Epoch);
        if (!inTime)
            Counters.CountPromotionTooLate();
        return inTime;
    }

    /// <summary>
    /// The peer failed to prove a key that nobody proved yet. Mostly it is the peer; but a transport that connects anew for each command
    /// hides that another TPM has taken the place of ours, whose keys are all wrong. So now and then (<see cref="KeyServiceOptions.DoubtInterval"/>)
    /// the TPM is tested; one that fails is not used, and the unproved keys it may have made are forgotten.
    /// </summary>
    public void Doubt(in KeyId id)
    {
        long now = _time.GetTimestamp(), due = Volatile.Read(ref _doubtAt);
        if (now < due || _cache.IsProved(id))
            return;
        var next = now + (long)(_options.DoubtInterval.TotalSeconds * _time.TimestampFrequency);
        if (Interlocked.CompareExchange(ref _doubtAt, next, due) != due)
            return;
        // Made before the TPM was found sound, perhaps by another one: worth one more command.
        _cache.EvictUnproved(id);
        _ = TestTpmAsync();
    }

    /// <summary>Forgets and zeroes every key of a device.</summary>
    public void Evict(string deviceId)
    {
        ArgumentNullException.ThrowIfNull(deviceId);
        _cache.Evict(deviceId);
    }

    /// <summary>Shows every key of a proved peer.</summary>
    internal void VisitProved(KeyVisitor visit) => _cache.VisitProved(visit);

    /// <summary>Takes a key that a peer proved before.</summary>
    internal void TakeProved(in KeyId id, ReadOnlySpan<byte> key)
    {
        _cache.Add(id, key);
        _cache.Promote(id);
    }

    /// <summary>Zeroes every key. The TPM's owner should be disposed first: requests that still wait are answered by it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopped)
                return;
            _stopped = true;
        }

        _registry.DeviceChanged -= OnDeviceChanged;
        _registry.FleetChanged -= OnFleetChanged;
        _cache.Dispose();
    }

    /// <summary>
    /// For a key that was not cached: joins the derivation underway, or begins one, or refuses.
    /// </summary>
    /// <returns>False when the request was joined to another and there is nothing left to do.</returns>
    private bool Begin(
        in KeyId id, SourcePrefix source, object? state, KeyReady done, Span<byte> key, out int length, out KeyStatus status, out Derivation? job)
    {
        length = 0;
        job = null;
        lock (_gate)
        {
            if (_underway.TryGetValue(id, out var running))
            {
                Counters.CountMiss();
                status = KeyStatus.QueueFull;
                if (running.TryAttach(state, done, _options.MaxWaiters))
                {
                    Counters.CountCoalesced();
                    return false;
                }
            }
            else if (TryGetCached(id, key, out length))
            {
                // A derivation ended between the first look and the lock.
                status = KeyStatus.Ok;
                return true;
            }
            else
            {
                Counters.CountMiss();
                status = Admit(id, source);
                if (status == KeyStatus.Ok)
                {
                    job = new Derivation(this, id, state, done);
                    _underway.Add(id, job);
                    return true;
                }
            }
        }

        Counters.CountResult(status);
        return true;
    }

    /// <summary>Whether a derivation may begin; takes the tokens if so. Called under the lock.</summary>
    private KeyStatus Admit(in KeyId id, SourcePrefix source)
    {
        if (_stopped)
            return KeyStatus.Stopped;
        var now = _time.GetTimestamp();
        if (!_deviceBuckets.Has(id.DeviceId, now))
            return KeyStatus.DeviceThrottled;
        if (!TryTakeOfPrefix(source, now))
            return KeyStatus.PrefixThrottled;
        _deviceBuckets.Take(id.DeviceId, now);
        return KeyStatus.Ok;
    }

    private bool TryTakeOfPrefix(SourcePrefix source, long now)
    {
        if (source.IsExempt)
            return true;
        if (!_prefixBuckets.Has(source, now))
            return false;
        _prefixBuckets.Take(source, now);
        return true;
    }

    private async Task TestTpmAsync()
    {
        try
        {
            await _tpm.CheckAsync().ConfigureAwait(false);
        }
        catch (TpmException e) when (e.Fault is TpmFault.KeyMissing or TpmFault.KeyMismatch)
        {
            _cache.EvictUnproved();
        }
        catch (TpmException)
        {
            // Gone or busy: TpmOwner.Health tells it.
        }
    }

    private void OnDeviceChanged(DeviceRecord device)
    {
        if (device.IsRevoked)
            _cache.Evict(device.Id);
    }

    private void OnFleetChanged(FleetRecord fleet) => _cache.EvictEpochs(number => number < 0 || fleet.Epoch(number) is { IsAccepted: true });

    /// <summary>The fleet, as long as it accepts the key: looked up when the TPM is free for it, and again when it has answered.</summary>
    private FleetRecord? FindFleet(in KeyId id) =>
        _registry.TryGetDevice(id.DeviceId, out var device) && !device.IsRevoked && id.IsAcceptedBy(_registry.Fleet) ? _registry.Fleet : null;

    private void Complete(Derivation job, KeyStatus status, ReadOnlySpan<byte> key, int tpmCommands, string? problem)
    {
        List<Waiter>? waiters;
        lock (_gate)
        {
            // Into the cache and out of the list in one step: whoever asks now finds the key in either of them.
            if (status == KeyStatus.Ok && !_stopped)
                _cache.Add(job.Id, key);
            // Revoked while the TPM worked: the eviction may have come before this key.
            if (status == KeyStatus.Ok && FindFleet(job.Id) is null)
            {
                _cache.Evict(job.Id.DeviceId);
                status = KeyStatus.Refused;
                key = default;
            }

            if (_underway.TryGetValue(job.Id, out var current) && current == job)
                _underway.Remove(job.Id);
            waiters = job.Detach();
        }

        if (waiters == null)
            return;
        Counters.CountResult(status, waiters.Count);
        foreach (var waiter in waiters)
        {
            waiter.Done(waiter.State, new KeyResult(status, key, tpmCommands, problem));
            tpmCommands = 0;
        }
    }

    private readonly record struct Waiter(object? State, KeyReady Done);

    /// <summary>One derivation and all who wait for it.</summary>
    private sealed class Derivation : TpmJob
    {
        private readonly KeyService _service;
        private List<Waiter>? _waiters;
        private long _commandsBefore = -1;

        internal Derivation(KeyService service, in KeyId id, object? state, KeyReady done)
            : base(TpmShare.Unverified)
        {
            _service = service;
            Id = id;
            _waiters = [new Waiter(state, done)];
        }

        internal KeyId Id { get; }

        internal bool TryAttach(object? state, KeyReady done, int limit)
        {
            if (_waiters == null || _waiters.Count >= limit)
                return false;
            _waiters.Add(new Waiter(state, done));
            return true;
        }

        internal List<Waiter>? Detach()
        {
            var waiters = _waiters;
            _waiters = null;
            return waiters;
        }

        protected internal override void Run(ITpm tpm)
        {
            if (_commandsBefore < 0)
                _commandsBefore = tpm.Counters.Total;
            if (_service.FindFleet(Id) is not { } fleet || (Id.Epoch <= 0 && !_service.OwnKey(Id).IsHere))
            {
                _service.Complete(this, KeyStatus.Refused, default, 0, null);
                return;
            }

            Span<byte> buffer = stackalloc byte[KeyUses.MaxKeySize];
            var key = buffer[..Id.Use.KeySize()];
            try
            {
                Derive(tpm, fleet, key);
                _service.Complete(this, KeyStatus.Ok, key, (int)(tpm.Counters.Total - _commandsBefore), null);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(buffer);
            }
        }

        private void Derive(ITpm tpm, FleetRecord fleet, Span<byte> key)
        {
            if (Id.Epoch > 0)
                KeyDerivation.Derive(tpm, fleet.Epoch(Id.Epoch)!.Key, Id, fleet.ServerId, key);
            else
                KeyDerivation.DeriveResident(tpm, _service.OwnKey(Id).Unwrap(), Id, fleet.ServerId, key);
        }

        protected override void OnFailed(TpmJobFailure failure, KeysException? reason) =>
            _service.Complete(this, StatusOf(failure), default, 0, reason?.Message);
    }
}
