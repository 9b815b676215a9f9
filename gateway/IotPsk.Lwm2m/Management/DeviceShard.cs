using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// The devices that are reached by one server, on its thread: takes what waits in the <see cref="DeviceDirectory"/>, one operation for a device at a time, and takes
/// notifications. After each call of the server <see cref="Work"/> is to be called.
/// </summary>
public sealed class DeviceShard : ICoapNotifications
{
    private const int MaxInterruptions = 3;
    // One that was heard less than this ago was awake, and hears what is sent again at its usual time.
    private const int JustHeard = 5000;

    private readonly Func<CoapPeer, Action, bool> _post;
    private readonly Queue<CoapPeer> _ready = new();

    /// <summary>A shard.</summary>
    /// <param name="directory">The devices of all shards.</param>
    /// <param name="post">Runs an action on this shard's thread, from any other, as long as the peer is open, and <see cref="Work"/> after it; false if that cannot be.</param>
    public DeviceShard(DeviceDirectory directory, Func<CoapPeer, Action, bool> post)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(post);
        Directory = directory;
        _post = post;
    }

    /// <summary>The server; to be set once, before anything else.</summary>
    public CoapServer Server { get; set; } = null!;

    internal DeviceDirectory Directory { get; }

    /// <summary>A peer is there, and from now on its device is reached by it: its association was made, or it registered.</summary>
    /// <param name="peer">The peer.</param>
    public void Attach(CoapPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (Directory.Find(peer.DeviceId) is not { } device)
            return;
        peer.Tag = device;
        lock (device)
        {
            device.Attach(this, peer);
            if (device.Waiting == 0)
                return;
        }
        _ready.Enqueue(peer);
    }

    /// <summary>A peer sent something.</summary>
    /// <param name="peer">The peer.</param>
    public void Heard(CoapPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (peer.Tag is not ManagedDevice { IsGone: false })
            Attach(peer);
        if (peer.Tag is not ManagedDevice device)
            return;
        long now = Directory.Now;
        bool wasAsleep, hasWork;
        lock (device)
        {
            if (device.Peer is not { IsOpen: true })
                device.Attach(this, peer);
            wasAsleep = device.Registration.IsQueueMode && now - device.HeardAt > JustHeard;
            device.HeardAt = now;
            device.IsSilent = false;
            hasWork = device.HasWork;
        }
        if (wasAsleep)
            Server.Hurry(peer);
        if (hasWork)
            _ready.Enqueue(peer);
    }

    /// <summary>A peer is gone; to be called before <see cref="CoapServer.Close"/>.</summary>
    /// <param name="peer">The peer.</param>
    public static void Detach(CoapPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (peer.Tag is not ManagedDevice device)
            return;
        lock (device)
            device.Detach(peer);
    }

    /// <summary>Asks what there is to ask.</summary>
    /// <param name="now">The time, in milliseconds of the server's clock.</param>
    public void Work(long now)
    {
        while (_ready.TryDequeue(out CoapPeer? peer))
        {
            if (peer.Tag is ManagedDevice device)
                Serve(peer, device, now);
        }
    }

    /// <summary>Looks after a peer, from any thread.</summary>
    internal void Wake(CoapPeer peer) => _post(peer, () => _ready.Enqueue(peer));

    private void Serve(CoapPeer peer, ManagedDevice device, long now)
    {
        OperationRun? stale = null, next = null;
        bool isElsewhere;
        lock (device)
        {
            if (device.Run is { } run)
            {
                // One that is over before its answer came: its time was up, or nobody wants it any more.
                if (run.Peer != peer || (run.Pending is not { IsOver: true } && !device.IsGone))
                    return;
                stale = run;
                device.Run = null;
            }
            if (device.Peer == peer && peer.IsOpen && !device.IsGone)
                device.Run = next = device.TakeNext(this, Directory.Now, Directory.AwakeFor);
            isElsewhere = device.Peer is not null && device.Peer != peer;
        }
        stale?.Abandon(now);
        if (stale is { Observation: { } observation })
            Reset(device, observation, ObservationState.Wanted);
        // What waits behind it goes by the association that the device has now.
        if (stale is not null && isElsewhere)
            DeviceDirectory.Wake(device);
        if (next is not null)
            Start(next, peer, now);
    }

    private void Start(OperationRun run, CoapPeer peer, long now)
    {
        if (run is { Operation.Verb: Lwm2mVerb.Observe, Observation: null })
        {
            run.Observation = Directory.AddExplicit(run.Device, run.Operation.Paths);
            if (run.Observation is null)
            {
                Completed(run, Lwm2mAnswer.Failed(Lwm2mFailure.QueueFull, "Too much of the device is observed already."), -1);
                return;
            }
        }
        if (run.Operation.Verb == Lwm2mVerb.Cancel)
        {
            lock (run.Device)
                run.Observation = run.Device.Observations.Find(o => o.Is(run.Operation.Paths));
        }
        run.Start(peer, now);
    }

    internal void Completed(OperationRun run, Lwm2mAnswer answer, int observe)
    {
        bool isChanged = false;
        if (run.Observation is { } observation)
            isChanged = Settle(run, observation, answer, observe);
        Release(run);
        if (run.Operation.Verb == Lwm2mVerb.Observe && observe < 0 && answer.IsSuccess)
            answer = answer with { Reason = "The device answered, and will not notify." };
        bool isPublished = run.Operation.Verb == Lwm2mVerb.Observe || run.Operation.Publishes;
        if (isPublished && answer.Records.Count > 0)
            BringFirst(run, answer.Records);
        if (run.Pending?.TryEnd(answer) == true)
            Directory.Counters.Count(answer.Failure);
        if (isChanged)
            Directory.Events?.ObservationsChanged(run.Device.Registration.DeviceId);
    }

    // The first value of an observation may come in a message of its own, which is acknowledged as late as any notification.
    private void BringFirst(OperationRun run, IReadOnlyList<SenmlRecord> records)
    {
        CoapAcknowledgement? acknowledgement = Server.HoldAcknowledgement();
        Bring(run.Peer!, ValueSource.Notification, records, taken =>
        {
            if (taken)
                acknowledgement?.Give();
            else
                Withhold(run.Device, run.Observation, acknowledgement);
        });
    }

    /// <summary>Values were not taken: what brought them is to come again, and the device may give the observation up.</summary>
    internal static void Withhold(ManagedDevice device, Observation? observation, CoapAcknowledgement? acknowledgement)
    {
        acknowledgement?.Withhold();
        if (observation is null)
            return;
        lock (device)
        {
            observation.ForgetNewest();
            observation.IsDoubtful = true;
        }
    }

    // What became of an observation; true if what is observed by request has changed.
    private static bool Settle(OperationRun run, Observation observation, Lwm2mAnswer answer, int observe)
    {
        lock (run.Device)
        {
            if (run.Operation.Verb == Lwm2mVerb.Cancel)
            {
                observation.State = ObservationState.Refused;
                observation.IsExplicit = false;
                run.Device.Observations.Remove(observation);
                return true;
            }
            if (observe >= 0)
            {
                // The device counts anew.
                observation.ForgetNewest();
                observation.TakeNote(observe, run.Shard.Directory.Now);
                return observation.IsExplicit;
            }
            observation.State = ObservationState.Refused;
            if (observation.IsExplicit && run.Pending is not null)
                run.Device.Observations.Remove(observation);
            return false;
        }
    }

    internal void Failed(OperationRun run, CoapRequestFailure failure, bool wasHeard)
    {
        ManagedDevice device = run.Device;
        bool again;
        lock (device)
        {
            device.IsSilent |= failure == CoapRequestFailure.TimedOut && !wasHeard;
            // One that sleeps gets it when it wakes; one that has another association, by that.
            again = failure == CoapRequestFailure.TimedOut ? !wasHeard && device.Registration.IsQueueMode
                : failure == CoapRequestFailure.Closed && (!wasHeard || run.IsRepeatable) && (run.Pending is null || ++run.Pending.Interruptions < MaxInterruptions);
            if (again && run.Pending is { IsOver: false } waits && !device.IsGone)
                device.Enqueue(waits, first: true);
        }
        // What a device does not understand, or does not answer, it is not asked again at once.
        bool isRefused = failure == CoapRequestFailure.Rejected || (failure == CoapRequestFailure.TimedOut && wasHeard);
        if (run.Observation is { } observation)
            Reset(device, observation, isRefused ? ObservationState.Refused : ObservationState.Wanted);
        if (!again && run.Pending is { } pending)
        {
            (Lwm2mFailure why, string reason) = failure switch
            {
                CoapRequestFailure.TimedOut => (Lwm2mFailure.TimedOut, wasHeard ? "The device took the request and did not answer it." : "The device does not answer."),
                CoapRequestFailure.Rejected => (Lwm2mFailure.Rejected, "The device does not understand the request."),
                _ => (Lwm2mFailure.Interrupted, "The association ended before the answer came."),
            };
            Directory.End(pending, why, reason);
        }
        Release(run);
    }

    private static void Reset(ManagedDevice device, Observation observation, ObservationState state)
    {
        lock (device)
        {
            if (observation.State == ObservationState.Asked)
                observation.State = state;
        }
    }

    // The next one may go, by whatever association the device has now.
    private void Release(OperationRun run)
    {
        CoapPeer? peer;
        DeviceShard? shard;
        lock (run.Device)
        {
            if (run.Device.Run == run)
                run.Device.Run = null;
            (shard, peer) = (run.Device.Shard, run.Device.Peer);
        }
        if (peer is null)
            return;
        if (shard == this)
            _ready.Enqueue(peer);
        else
            shard!.Wake(peer);
    }

    bool ICoapNotifications.Take(CoapPeer peer, CoapReader notification, long now)
    {
        if (peer.Tag is not ManagedDevice { IsGone: false })
            Attach(peer);
        if (peer.Tag is not ManagedDevice { IsGone: false } device)
            return false;
        Observation? observation;
        bool isGood = CoapCodes.GetClass(notification.Code) == 2, isNew;
        int sequence = notification.FindOption(CoapOption.Observe) && notification.TryGetUInt(out uint value) ? (int)value : -1;
        lock (device)
        {
            ReadOnlySpan<byte> token = notification.Buffer.AsSpan(notification.TokenOffset, notification.TokenLength);
            observation = null;
            foreach (Observation each in device.Observations)
            {
                if (each.HasToken(token))
                    observation = each;
            }
            if (observation is null || observation.State == ObservationState.Refused)
                return false;
            if (!isGood || sequence < 0)
            {
                // The device ends it (RFC 7641 s4.2); after the next registration it is asked for again.
                observation.State = ObservationState.Refused;
                return true;
            }
            isNew = observation.TakeNote(sequence, Directory.Now);
        }
        // An older one tells nothing new of the state (RFC 7641 s3.4), but what it tells was measured, and the device forgets it with the acknowledgement:
        // the order is lost where a device counts anew while a notification of before is still on its way.
        if (isNew || notification.Type == CoapType.Confirmable)
            new NotificationRun(this, device, observation, Server.HoldAcknowledgement()).Take(peer, notification, now);
        return true;
    }

    /// <summary>Gives values away and hears on this shard's thread whether they are safe, as long as the peer is open.</summary>
    internal void Bring(CoapPeer peer, ValueSource source, IReadOnlyList<SenmlRecord> records, Action<bool> conclude)
    {
        if (Directory.Events is not { } events)
        {
            Conclude(true);
            return;
        }
        int thread = Environment.CurrentManagedThreadId;
        bool isInCall = true;
        events.Received(peer.DeviceId, source, records, taken =>
        {
            if (Environment.CurrentManagedThreadId == thread && isInCall)
                Conclude(taken);
            else
                _post(peer, () => Conclude(taken));
        });
        isInCall = false;

        void Conclude(bool taken)
        {
            Directory.Counters.CountTaken(source, taken);
            conclude(taken);
        }
    }
}
