using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>An operation on its way to a device, or an observation that is set up. Everything happens on the shard of its peer.</summary>
internal sealed class OperationRun(DeviceShard shard, ManagedDevice device, PendingOperation? pending, Lwm2mOperation operation, Observation? observation) : ICoapTransferListener
{
    private OperationRequest? _request;
    private CoapTransfer? _transfer;

    internal DeviceShard Shard { get; } = shard;

    internal ManagedDevice Device { get; } = device;

    /// <summary>Null for an observation of the configuration.</summary>
    internal PendingOperation? Pending { get; } = pending;

    internal Lwm2mOperation Operation { get; } = operation;

    internal Observation? Observation { get; set; } = observation;

    internal CoapPeer? Peer { get; private set; }

    /// <summary>Whether the device may do it twice without harm.</summary>
    internal bool IsRepeatable => Operation.Verb is not (Lwm2mVerb.Execute or Lwm2mVerb.Create);

    internal void Start(CoapPeer peer, long now)
    {
        Peer = peer;
        _request = new OperationRequest(Operation, Device.Registration, Observation?.Token);
        Send(now);
    }

    internal void Abandon(long now) => _transfer?.Cancel(now);

    void ICoapTransferListener.Progressed(CoapTransfer transfer) => Pending?.Progressed(Shard.Directory.Now);

    void ICoapTransferListener.Completed(CoapTransfer transfer, CoapAnswer answer, long now)
    {
        if (_request!.TryNext(answer.Code))
        {
            Send(now);
            return;
        }
        Lwm2mAnswer read = _request.Read(answer);
        Shard.Completed(this, read, answer.Observe >= 0 && CoapCodes.GetClass(answer.Code) == 2 ? answer.Observe : -1);
    }

    void ICoapTransferListener.Failed(CoapTransfer transfer, CoapRequestFailure failure) => Shard.Failed(this, failure, transfer.WasHeard);

    private void Send(long now)
    {
        try
        {
            _transfer = new CoapTransfer(Shard.Server, Peer!, _request!.Make(), this, Shard.Directory.MaxBody);
            _transfer.Start(now);
        }
        catch (ArgumentException wrong)
        {
            Shard.Completed(this, Lwm2mAnswer.Failed(Lwm2mFailure.Invalid, wrong.Message), -1);
        }
    }
}
