using System.Collections.Concurrent;
using System.Text.Json;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// Firmware updates by object 5 (OMA LwM2M 1.1 E.6): the image is pushed block by block, or the device is told where to fetch it; then it is told to update, and its state and its
/// result are followed over the restart that this brings. One update of a device at a time; each step is told on <c>DEVICE/firmware</c>, retained.
/// </summary>
internal sealed class FirmwareUpdates(Lwm2mDevices devices, TimeProvider time, ILogger log) : IDisposable
{
    private const int AtOnce = 8, Most = 256, Idle = 0, Downloaded = 2;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(30), Patience = TimeSpan.FromMinutes(30);
    private static readonly ObjectPath Instance = new(5, 0), Package = new(5, 0, 0), PackageUri = new(5, 0, 1), Update = new(5, 0, 2), State = new(5, 0, 3), Result = new(5, 0, 5);

    private readonly ConcurrentDictionary<string, bool> _running = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _room = new(AtOnce);
    private readonly CancellationTokenSource _stop = new();
    private long _succeeded, _failed;

    /// <summary>Where the images are; null: nowhere.</summary>
    internal FirmwareDirectory? Directory { get; set; }

    /// <summary>What devices fetch images from, with a slash at its end; null: they are pushed only.</summary>
    internal string? Uri { get; set; }

    /// <summary>Updates under way.</summary>
    internal int Running => _running.Count;

    /// <summary>Updates that ended.</summary>
    internal (long Succeeded, long Failed) Ended => (Volatile.Read(ref _succeeded), Volatile.Read(ref _failed));

    /// <summary>Updates a device, from first to last.</summary>
    /// <param name="deviceId">Which.</param>
    /// <param name="file">The name of an image.</param>
    /// <param name="pulls">The device fetches it; else it is pushed.</param>
    internal async Task<FirmwareOutcome> UpdateAsync(string deviceId, string file, bool pulls)
    {
        CancellationToken cancellation = _stop.Token;
        if (Check(file, pulls) is { } problem)
            return new FirmwareOutcome(null, problem);
        if (_running.Count >= Most)
            return new FirmwareOutcome(null, $"{Most} updates are under way already.");
        if (!_running.TryAdd(deviceId, true))
            return new FirmwareOutcome(null, "An update of this device is under way.");
        try
        {
            Tell(deviceId, file, "started", null);
            FirmwareOutcome outcome = await RunAsync(deviceId, file, pulls, cancellation);
            Conclude(deviceId, file, outcome);
            return outcome;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            var outcome = new FirmwareOutcome(null, e is OperationCanceledException ? "The update was given up." : $"The image cannot be read: {e.Message}");
            Conclude(deviceId, file, outcome);
            return outcome;
        }
        finally
        {
            _running.TryRemove(deviceId, out _);
        }
    }

    /// <summary>Gives up what is under way; devices go on with what they have.</summary>
    public void Dispose() => _stop.Cancel();

    private string? Check(string file, bool pulls)
    {
        if (Directory is null)
            return "There is no firmware: the configuration names no Lwm2m.FirmwareDirectory.";
        if (pulls && Uri is null)
            return "The device cannot be told where to fetch it: the configuration names no Lwm2m.FirmwareUri.";
        using FirmwareImage? image = Directory.Open(file);
        return image is null ? $"There is no image of this name: a plain file of 1 to {FirmwareDirectory.MaxImage >> 20} MiB, its name of letters, digits and . _ -" : null;
    }

    private async Task<FirmwareOutcome> RunAsync(string deviceId, string file, bool pulls, CancellationToken cancellation)
    {
        using Lwm2mSubscription events = devices.Subscribe(64, deviceId);
        foreach (ObjectPath path in (ObjectPath[])[State, Result])
            await devices.AskAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Observe, path), cancellation);
        try
        {
            // One that sleeps is heard seldom.
            TimeSpan patience = devices.Find(deviceId) is { IsQueueMode: true } ? Patience + devices.Directory.QueueModePatience : Patience;
            var follower = new FirmwareFollower(devices, deviceId, events, time);
            if (await follower.LookAsync(cancellation) is { } unreadable)
                return new FirmwareOutcome(null, unreadable);
            // An empty URI sets the state back (E.6, resource 1).
            if (follower.State != Idle && await FailsAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Write, PackageUri) with { Text = "" }, cancellation) is { } stuck)
                return new FirmwareOutcome(follower.Result, stuck);
            Tell(deviceId, file, "downloading", null);
            if (await DeliverAsync(deviceId, file, pulls, cancellation) is { } undelivered)
                return new FirmwareOutcome(await ResultAsync(follower, cancellation), undelivered);
            if (await follower.WaitAsync(f => f.State == Downloaded, Look, patience, cancellation) is { } notDownloaded)
                return new FirmwareOutcome(follower.Result, notDownloaded);
            Tell(deviceId, file, "updating", null);
            if (await FailsAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Execute, Update), cancellation) is { } notStarted)
                return new FirmwareOutcome(follower.Result, notStarted);
            string? failed = await follower.WaitAsync(f => f.State == Idle && f.Result == FirmwareOutcome.Success, Look, patience, cancellation);
            return new FirmwareOutcome(follower.Result, failed);
        }
        finally
        {
            foreach (ObjectPath path in (ObjectPath[])[State, Result])
                await devices.AskAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Cancel, path) with { Timeout = Look }, cancellation);
        }
    }

    private async Task<string?> DeliverAsync(string deviceId, string file, bool pulls, CancellationToken cancellation)
    {
        if (pulls)
            return await FailsAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Write, PackageUri) with { Text = Uri + file }, cancellation);
        // An image is in memory while it is pushed: not too many at once.
        await _room.WaitAsync(cancellation);
        try
        {
            using FirmwareImage image = Directory?.Open(file) ?? throw new FileNotFoundException("it is gone", file);
            return await FailsAsync(deviceId, Lwm2mOperation.At(Lwm2mVerb.Write, Package) with { Payload = image.ReadAll(), ContentFormat = CoapContentFormat.OctetStream }, cancellation);
        }
        finally
        {
            _room.Release();
        }
    }

    private static async Task<int?> ResultAsync(FirmwareFollower follower, CancellationToken cancellation)
    {
        await follower.LookAsync(cancellation);
        return follower.Result;
    }

    // A sentence if the device did not do it.
    private async Task<string?> FailsAsync(string deviceId, Lwm2mOperation operation, CancellationToken cancellation)
    {
        Lwm2mAnswer answer = await devices.AskAsync(deviceId, operation, cancellation);
        return answer.IsSuccess ? null : $"{operation.Verb} of {operation.Paths[0]} failed: {CoapCodes.Format(answer.Code)} {answer.Reason}".TrimEnd();
    }

    private void Conclude(string deviceId, string file, FirmwareOutcome outcome)
    {
        Tell(deviceId, file, outcome.IsSuccess ? "updated" : "failed", outcome);
        if (outcome.IsSuccess)
        {
            Interlocked.Increment(ref _succeeded);
            log.FirmwareUpdated(LogName.Of(deviceId), file);
        }
        else
        {
            Interlocked.Increment(ref _failed);
            log.FirmwareFailed(LogName.Of(deviceId), file, LogName.Sentence(outcome.Problem!));
        }
    }

    private void Tell(string deviceId, string file, string state, FirmwareOutcome? outcome)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("state", state);
            json.WriteString("file", file);
            if (outcome?.Result is { } result)
                json.WriteNumber("result", result);
            if (outcome?.Problem is { } problem)
                json.WriteString("reason", problem);
            json.WriteString("at", time.GetUtcNow());
            json.WriteEndObject();
        }
        devices.Outlet?.Publish(deviceId + "/firmware", buffer.ToArray(), retain: true, null);
    }

    /// <summary>The instance whose state is followed.</summary>
    internal static ObjectPath Object => Instance;
}
