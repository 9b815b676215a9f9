using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// Keys of single sessions: one TPM2_HMAC each, over both randoms, so nothing is cached or shared. <see cref="SessionGate"/> decides who may have
/// one now: a device that connects as it should is held up neither by itself nor by peers elsewhere that merely name it.
/// </summary>
public sealed partial class KeyService
{
    private readonly SessionGate _sessions;

    /// <summary>Asks for the PSK of one (D)TLS 1.2 session of a device in session mode.</summary>
    /// <param name="id">A key that <see cref="PskAuthority"/> accepted, with <see cref="KeyUse.Session12"/>.</param>
    /// <param name="source">Where the peer is.</param>
    /// <param name="clientRandom">32 bytes.</param>
    /// <param name="serverRandom">32 bytes.</param>
    /// <param name="state">Handed to <paramref name="done"/>.</param>
    /// <param name="done">Called exactly once, within this call or later on another thread.</param>
    public void RequestSession(
        in KeyId id, SourcePrefix source, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, object? state, KeyReady done)
    {
        ArgumentNullException.ThrowIfNull(done);
        if (!id.IsPerSession)
            throw new ArgumentException("Not a key of a session.", nameof(id));
        Counters.CountMiss();
        var job = new SessionJob(this, id, clientRandom, serverRandom, state, done);
        KeyStatus status;
        bool now;
        lock (_gate)
        {
            status = AdmitSession(id.DeviceId, source);
            now = status == KeyStatus.Ok && _sessions.Begin(id.DeviceId, job);
        }

        if (status == KeyStatus.Ok)
        {
            if (now)
                _tpm.TryEnqueue(job);
            return;
        }

        Counters.CountResult(status);
        done(state, new KeyResult(status, default, 0, null));
    }

    /// <summary>Takes the tokens if all of them are there. Called under the lock.</summary>
    private KeyStatus AdmitSession(string device, SourcePrefix source)
    {
        if (_stopped)
            return KeyStatus.Stopped;
        var now = _time.GetTimestamp();
        var status = _sessions.Look(device, source, now);
        if (status != KeyStatus.Ok)
            return status;
        if (!TryTakeOfPrefix(source, now))
            return KeyStatus.PrefixThrottled;
        _sessions.Take(device, source, now);
        return KeyStatus.Ok;
    }

    private void SessionProved(in KeyId id, SourcePrefix source)
    {
        _registry.NoteEpoch(id.DeviceId, id.Epoch);
        lock (_gate)
            _sessions.Proved(id.DeviceId, source, _time.GetTimestamp());
    }

    private DeviceKeyRecord OwnKey(in KeyId id) => _registry.FindKey(id.DeviceId)
        ?? throw new RegistryException(RegistryFault.Damaged, $"The registry has no key of device '{id.DeviceId}', which has one of its own: restore it from a backup");

    private static KeyStatus StatusOf(TpmJobFailure failure) => failure switch
    {
        TpmJobFailure.QueueFull => KeyStatus.QueueFull,
        TpmJobFailure.Deadline => KeyStatus.Deadline,
        TpmJobFailure.Unavailable => KeyStatus.TpmUnavailable,
        TpmJobFailure.Stopped => KeyStatus.Stopped,
        _ => KeyStatus.TpmFailed,
    };

    private void Complete(SessionJob job, KeyStatus status, ReadOnlySpan<byte> key, int tpmCommands, string? problem)
    {
        TpmJob? next;
        lock (_gate)
        {
            // Answered before, by its deadline: the TPM's late answer serves nobody.
            if (!job.TryAnswer())
                return;
            next = _sessions.End(job.Id.DeviceId);
        }

        // Revoked while the TPM worked.
        if (status == KeyStatus.Ok && FindFleet(job.Id) is null)
        {
            status = KeyStatus.Refused;
            key = default;
        }

        Counters.CountResult(status);
        job.Done(job.State, new KeyResult(status, key, tpmCommands, problem));
        if (next != null)
            _tpm.TryEnqueue(next);
    }

    /// <summary>The key of one session.</summary>
    private sealed class SessionJob : TpmJob
    {
        private readonly KeyService _service;
        private readonly byte[] _clientRandom, _serverRandom;
        private long _commandsBefore = -1;
        private bool _answered;

        internal SessionJob(KeyService service, in KeyId id, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, object? state, KeyReady done)
            : base(TpmShare.Session)
        {
            (_service, Id, State, Done) = (service, id, state, done);
            (_clientRandom, _serverRandom) = (clientRandom.ToArray(), serverRandom.ToArray());
        }

        internal KeyId Id { get; }

        internal object? State { get; }

        internal KeyReady Done { get; }

        /// <summary>True the first time; called under the service's lock.</summary>
        internal bool TryAnswer() => !_answered && (_answered = true);

        protected internal override void Run(ITpm tpm)
        {
            if (_commandsBefore < 0)
                _commandsBefore = tpm.Counters.Total;
            if (_service.FindFleet(Id) is null || !_service.OwnKey(Id).IsHere)
            {
                _service.Complete(this, KeyStatus.Refused, default, 0, null);
                return;
            }

            var own = _service.OwnKey(Id);
            Span<byte> message = stackalloc byte[SessionPsk.MaxMessageSize], key = stackalloc byte[SessionPsk.Size];
            try
            {
                var length = SessionPsk.WriteMessage(_clientRandom, _serverRandom, own.Randoms, message);
                tpm.Hmac(own.Unwrap(), message[..length], key);
                _service.Complete(this, KeyStatus.Ok, key, (int)(tpm.Counters.Total - _commandsBefore), null);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        }

        protected override void OnFailed(TpmJobFailure failure, KeysException? reason) =>
            _service.Complete(this, StatusOf(failure), default, 0, reason?.Message);
    }
}
