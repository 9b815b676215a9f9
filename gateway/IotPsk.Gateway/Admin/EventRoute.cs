using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using IotPsk.Gateway.Serving;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace IotPsk.Gateway.Admin;

/// <summary>Live events as server-sent events (HTML Living Standard s9.2): sessions, registrations and values, of one device or of all.</summary>
internal static class EventRoute
{
    private const int Capacity = 1024;
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    internal static async Task ServeAsync(HttpContext context, GatewayService service, CancellationToken stopping)
    {
        string? device = context.Request.Query["device"] is [{ Length: > 0 } id] ? id : null;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        long lost = 0;
        using Lwm2mSubscription devices = service.Lwm2m.Subscribe(Capacity, device);
        ChannelReader<SessionNews> sessions = service.Sessions.Listen(Capacity, () => Interlocked.Increment(ref lost), over.Token);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await WriteAsync(": listening\n\n");
            long told = 0;
            while (!over.IsCancellationRequested)
            {
                bool wrote = false;
                while (devices.Events.TryRead(out Lwm2mEvent? happened))
                    wrote = await TellAsync(RegistrationMessage.NameOf(happened.Kind), Document(happened));
                while (sessions.TryRead(out SessionNews? news))
                    wrote |= (device is null || news.Session.Tag is DeviceGrant grant && grant.Key.DeviceId == device) && await TellAsync(news.End is null ? "sessionOpened" : "sessionClosed", Document(news));
                long gone = Interlocked.Read(ref lost) + devices.Lost;
                if (gone > told)
                {
                    await TellAsync("lost", new JsonObject { ["count"] = gone - told });
                    told = gone;
                }
                if (!wrote && !await WaitAsync(devices.Events, sessions, over.Token))
                    await WriteAsync(": nothing new\n\n");
            }
        }
        catch (OperationCanceledException)
        {
            // Whoever listened went away, or the gateway ends.
        }
        finally
        {
            // The feed lets go of this listener.
            await over.CancelAsync();
        }

        async Task<bool> TellAsync(string name, JsonObject document)
        {
            await WriteAsync($"event: {name}\ndata: {document.ToJsonString()}\n\n");
            return true;
        }

        async Task WriteAsync(string text)
        {
            await context.Response.WriteAsync(text, over.Token);
            await context.Response.Body.FlushAsync(over.Token);
        }
    }

    // True when there is something; false when it is time for a sign of life.
    private static async Task<bool> WaitAsync(ChannelReader<Lwm2mEvent> devices, ChannelReader<SessionNews> sessions, CancellationToken cancellation)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<bool> first = devices.WaitToReadAsync(enough.Token).AsTask(), second = sessions.WaitToReadAsync(enough.Token).AsTask();
        Task heartbeat = Task.Delay(Heartbeat, enough.Token);
        Task any = await Task.WhenAny(first, second, heartbeat);
        await enough.CancelAsync();
        await Task.WhenAll(first, second, heartbeat).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        cancellation.ThrowIfCancellationRequested();
        // A stream that is over has no more to tell: the gateway ends.
        if (any is Task<bool> { IsCompletedSuccessfully: true, Result: false })
            throw new OperationCanceledException();
        return any != heartbeat;
    }

    private static JsonObject Document(Lwm2mEvent happened)
    {
        var document = new JsonObject { ["at"] = Time(happened.At), ["device"] = happened.DeviceId };
        if (happened.Registration is { } registration)
            document["registration"] = DeviceDocument.Of(registration);
        if (happened.Records.Count > 0)
            document["values"] = JsonNode.Parse(PayloadWriter.WriteSenml(CoapContentFormat.SenmlJson, "", happened.Records));
        return document;
    }

    private static JsonObject Document(SessionNews news) => new()
    {
        ["at"] = Time(news.At),
        ["device"] = news.Session.Tag is DeviceGrant grant ? grant.Key.DeviceId : null,
        ["session"] = news.Session.Id.ToString("x", CultureInfo.InvariantCulture),
        ["listener"] = news.Session.Listener,
        ["remote"] = news.Session.Remote.ToString(),
        ["reason"] = news.End is { } reason ? JsonNamingPolicy.CamelCase.ConvertName(reason.ToString()) : null,
    };

    private static string Time(DateTimeOffset at) => at.ToString("O", CultureInfo.InvariantCulture);
}
