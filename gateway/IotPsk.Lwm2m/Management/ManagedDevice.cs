using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Registration;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// A registered device: where it is reached now, what waits for it, what is observed of it. Any thread; every member is used under the object's lock.
/// </summary>
internal sealed class ManagedDevice(DeviceRegistration registration)
{
    private LinkedList<PendingOperation>? _waiting;
    private double _credit = DeviceDirectory.Burst;
    private long _creditAt;

    internal DeviceRegistration Registration { get; set; } = registration;

    /// <summary>The association that was heard or made last, and the shard it is on.</summary>
    internal CoapPeer? Peer { get; private set; }

    internal DeviceShard? Shard { get; private set; }

    /// <summary>What it is asked now.</summary>
    internal OperationRun? Run { get; set; }

    internal List<Observation> Observations { get; private set; } = [];

    /// <summary>When it was heard, by the directory's clock.</summary>
    internal long HeardAt { get; set; } = long.MinValue / 2;

    /// <summary>It did not acknowledge the last thing it was asked, and was not heard since.</summary>
    internal bool IsSilent { get; set; }

    /// <summary>Its registration ended.</summary>
    internal bool IsGone { get; set; }

    internal int Waiting => _waiting?.Count ?? 0;

    /// <summary>Takes out of the line what is over: its time was up before the device was heard.</summary>
    internal void Purge()
    {
        for (LinkedListNode<PendingOperation>? node = _waiting?.First, next; node is not null; node = next)
        {
            next = node.Next;
            if (node.Value.IsOver)
                _waiting!.Remove(node);
        }
        if (_waiting?.Count == 0)
            _waiting = null;
    }

    internal void Attach(DeviceShard shard, CoapPeer peer) => (Shard, Peer) = (shard, peer);

    internal void Detach(CoapPeer peer)
    {
        if (Peer == peer)
            (Shard, Peer) = (null, null);
    }

    internal void Enqueue(PendingOperation operation, bool first = false)
    {
        _waiting ??= [];
        if (first)
            _waiting.AddFirst(operation);
        else
            _waiting.AddLast(operation);
    }

    /// <summary>The next thing to ask; null if there is none, or it has to wait until the device is awake.</summary>
    internal OperationRun? TakeNext(DeviceShard shard, long now, long awakeFor)
    {
        bool isAsleep = Registration.IsQueueMode && (IsSilent || now - HeardAt > awakeFor);
        if (isAsleep)
            return null;
        while (_waiting?.First is { } first)
        {
            _waiting.RemoveFirst();
            if (_waiting.Count == 0)
                _waiting = null;
            if (!first.Value.IsOver)
                return new OperationRun(shard, this, first.Value, first.Value.Operation, null);
        }
        if (IsSilent)
            return null;
        Observation? wanted = Observations.Find(o => o.State == ObservationState.Wanted);
        if (wanted is null)
            return null;
        wanted.State = ObservationState.Asked;
        return new OperationRun(shard, this, null, new Lwm2mOperation { Verb = Lwm2mVerb.Observe, Paths = wanted.Composite ?? [wanted.Path] }, wanted);
    }

    internal bool HasWork => _waiting is not null || Run is not null || Observations.Exists(o => o.State == ObservationState.Wanted);

    internal List<PendingOperation> TakeAll()
    {
        List<PendingOperation> all = [.. _waiting ?? []];
        _waiting = null;
        return all;
    }

    /// <summary>What is to be observed from now on: what the configuration says of the objects it has, and what was asked for.</summary>
    /// <param name="configured">By the configuration.</param>
    /// <param name="anew">It registered anew, and so has forgotten everything (OMA LwM2M 1.1 s6.2.1).</param>
    internal void SetObservations(IReadOnlyList<ObjectPath> configured, bool anew)
    {
        var after = Observations.Where(o => o.IsExplicit || configured.Contains(o.Path)).ToList();
        after.AddRange(configured.Where(path => !after.Exists(o => o.Composite is null && o.Path == path)).Select(path => new Observation(path, null, isExplicit: false)));
        if (anew)
        {
            foreach (Observation observation in after)
            {
                observation.State = ObservationState.Wanted;
                observation.ForgetNewest();
            }
        }
        after.TrimExcess();
        Observations = after;
    }

    /// <summary>Observations that the device may have given up are asked for again.</summary>
    internal void RenewDoubtful()
    {
        foreach (Observation observation in Observations)
        {
            if (observation is { IsDoubtful: true, State: ObservationState.Active })
                observation.State = ObservationState.Wanted;
        }
    }

    /// <summary>Whether it may bring more values now: so many messages in a row, then so many a second. A long one counts for several.</summary>
    internal bool MayBring(long now, int bytes)
    {
        _credit = Math.Min(DeviceDirectory.Burst, _credit + ((now - _creditAt) * DeviceDirectory.PerSecond / 1000.0));
        _creditAt = now;
        if (_credit < 1)
            return false;
        Charge(bytes);
        return true;
    }

    /// <summary>It brought so much.</summary>
    internal void Charge(int bytes) => _credit -= 1 + (bytes / DeviceDirectory.BytesOfOne);
}
