using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>State and result of a device's firmware update: as it notifies, and read now and then, for a device that restarts may notify no more.</summary>
internal sealed class FirmwareFollower(Lwm2mDevices devices, string deviceId, Lwm2mSubscription events, TimeProvider time)
{
    private const string StatePath = "/5/0/3", ResultPath = "/5/0/5";

    internal int State { get; private set; } = -1;

    internal int? Result { get; private set; }

    /// <summary>Reads both; a sentence if they cannot be read.</summary>
    internal async Task<string?> LookAsync(CancellationToken cancellation)
    {
        Lwm2mAnswer answer = await devices.AskAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Read, FirmwareUpdates.Object), cancellation);
        Take(answer.Records);
        return State >= 0 ? null : $"The device does not tell the state of its firmware: {CoapCodes.Format(answer.Code)} {answer.Reason}".TrimEnd();
    }

    /// <summary>Waits until something holds; a sentence if the device reports a failure, or nothing for too long.</summary>
    internal async Task<string?> WaitAsync(Func<FirmwareFollower, bool> until, TimeSpan look, TimeSpan patience, CancellationToken cancellation)
    {
        long start = time.GetTimestamp();
        int state = State;
        await LookAsync(cancellation);
        while (!until(this))
        {
            if (Result is > FirmwareOutcome.Success and var result)
                return $"The device reports: {FirmwareOutcome.NameOf(result)} (result {result}).";
            if (state != State)
                (state, start) = (State, time.GetTimestamp());
            if (time.GetElapsedTime(start) > patience)
                return $"The device stays in state {State} for {patience.TotalMinutes:0} minutes.";
            if (!await HearAsync(look, cancellation))
                await LookAsync(cancellation);
        }
        return null;
    }

    // False if nothing was told about it in time.
    private async Task<bool> HearAsync(TimeSpan within, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(within, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            Lwm2mEvent happened = await events.Events.ReadAsync(both.Token);
            Take(happened.Records);
            // After a restart it may have been updated without a word.
            return happened.Kind != Lwm2mEventKind.Registered;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            throw new OperationCanceledException();
        }
    }

    private void Take(IReadOnlyList<SenmlRecord> records)
    {
        foreach (SenmlRecord record in records)
        {
            if (record.Name == StatePath)
                State = (int)record.Number;
            else if (record.Name == ResultPath)
                Result = (int)record.Number;
        }
    }
}
