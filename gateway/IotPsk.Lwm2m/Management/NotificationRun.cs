using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>A notification until its values are safe: only then it is acknowledged, so that what is not taken comes again.</summary>
internal sealed class NotificationRun(DeviceShard shard, ManagedDevice device, Observation observation, CoapAcknowledgement? acknowledgement) : ICoapTransferListener
{
    internal void Take(CoapPeer peer, CoapReader notification, long now)
    {
        bool mayBring;
        lock (device)
            mayBring = device.MayBring(shard.Directory.Now, notification.PayloadCount);
        if (!mayBring)
        {
            Refuse("It brings more values than it may.");
            Withhold();
            return;
        }
        // The first block is here, the others have to be asked for (RFC 7959 s2.6), in the format that it is in: the device's usual one may be another.
        int format = notification.FindOption(CoapOption.ContentFormat) && notification.TryGetUInt(out uint told) ? (int)told : -1;
        var content = new CoapRequestContent { Method = CoapCode.Get, Path = device.Registration.Root + observation.Path, Accept = format };
        if (observation.Composite is { } paths)
        {
            int asked = format == CoapContentFormat.SenmlJson ? format : CoapContentFormat.SenmlCbor;
            content = content with
            {
                Method = CoapCode.Fetch,
                Path = device.Registration.Root + "/",
                ContentFormat = asked,
                Payload = PayloadWriter.WriteSenml(asked, "", [.. paths.Select(p => new SenmlRecord { Name = p.ToString() })]),
            };
        }
        new CoapTransfer(shard.Server, peer, content, this, shard.Directory.MaxBody).Continue(notification, now);
    }

    void ICoapTransferListener.Completed(CoapTransfer transfer, CoapAnswer answer, long now)
    {
        if (answer.Body.Length > CoapBlock.MaxSize)
        {
            lock (device)
                device.Charge(answer.Body.Length);
        }
        ObjectPath scope = observation.Composite is null ? observation.Path : new ObjectPath(-1);
        if (!PayloadReader.TryRead(answer.ContentFormat, scope, answer.Body, out List<SenmlRecord> records, out string problem))
        {
            // It would be as wrong the next time.
            Refuse($"A notification of {observation.Path} cannot be read. {problem}");
            acknowledgement?.Give();
            return;
        }
        shard.Bring(transfer.Peer, ValueSource.Notification, records, taken =>
        {
            if (taken)
                acknowledgement?.Give();
            else
                Withhold();
        });
    }

    void ICoapTransferListener.Failed(CoapTransfer transfer, CoapRequestFailure failure) => Withhold();

    private void Withhold() => DeviceShard.Withhold(device, observation, acknowledgement);

    private void Refuse(string problem)
    {
        shard.Directory.Counters.CountRefused();
        shard.Directory.Events?.Refused(device.Registration.DeviceId, problem);
    }
}
