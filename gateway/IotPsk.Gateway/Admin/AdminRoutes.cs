using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Serving;
using IotPsk.Keys;
using IotPsk.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace IotPsk.Gateway.Admin;

/// <summary>The admin API. What it is is described in openapi.json, which is served with it.</summary>
internal static class AdminRoutes
{
    private const string OpenApi = "IotPsk.Gateway.Admin.openapi.json";

    /// <summary>Maps all of it.</summary>
    /// <param name="app">Where.</param>
    /// <param name="service">What it tells of and changes.</param>
    /// <param name="stopping">Ends streams.</param>
    internal static void Map(IEndpointRouteBuilder app, GatewayService service, CancellationToken stopping)
    {
        MapReaders(app, service);
        MapSessions(app, service);
        MapDevices(app, service);
        MapLwm2m(app, service, stopping);
        app.MapGet("/events", context => EventRoute.ServeAsync(context, service, stopping));
        app.MapGet("/openapi.json", async context =>
        {
            context.Response.ContentType = "application/json";
            await using Stream description = OpenDescription();
            await description.CopyToAsync(context.Response.Body, context.RequestAborted);
        });
    }

    /// <summary>The description of the API, as it is served.</summary>
    internal static Stream OpenDescription() => typeof(AdminRoutes).Assembly.GetManifestResourceStream(OpenApi)!;

    private static void MapReaders(IEndpointRouteBuilder app, GatewayService service)
    {
        app.MapGet("/healthz", async context =>
        {
            TpmHealth health = await service.HealthAsync();
            context.Response.StatusCode = health.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            await WriteAsync(context, new JsonObject { ["ready"] = health.Ready, ["problem"] = health.Problem });
        });
        app.MapGet("/metrics", async context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            await context.Response.WriteAsync(Metric.ToText(GatewayMetrics.Read(service)));
        });
        app.MapGet("/counters", context => WriteAsync(context, Metric.ToJson(GatewayMetrics.Read(service))));
        app.MapPost("/registry/refresh", context =>
        {
            service.Registry.Refresh();
            return WriteAsync(context, new JsonObject { ["devices"] = service.Registry.DeviceCount });
        });
    }

    private static void MapSessions(IEndpointRouteBuilder app, GatewayService service)
    {
        app.MapGet("/sessions", async context =>
        {
            string? device = context.Request.Query["device"];
            var sessions = new JsonArray();
            foreach (SessionInfo session in (await service.SessionsAsync()).OrderBy(s => s.ConnectedAt))
            {
                if ((device is null || session.Tag is DeviceGrant grant && grant.Key.DeviceId == device) && SessionDocument.Of(session) is JsonNode document)
                    sessions.Add(document);
            }
            await WriteAsync(context, sessions);
        });
        app.MapPost("/sessions/{id}/close", async context =>
        {
            bool closed = long.TryParse(Id(context), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long id) && await service.CloseAsync(id);
            context.Response.StatusCode = closed ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
            await WriteAsync(context, new JsonObject { ["closed"] = closed });
        });
    }

    private static void MapDevices(IEndpointRouteBuilder app, GatewayService service)
    {
        app.MapGet("/devices", context => WriteAsync(context, new JsonArray([.. service.Registry.Devices.OrderBy(d => d.Id, StringComparer.Ordinal).Select(d => (JsonNode)DeviceDocument.Of(d))])));
        app.MapGet("/devices/{id}", context => service.Registry.TryGetDevice(Id(context), out DeviceRecord? device)
            ? WriteAsync(context, DeviceDocument.Of(device))
            : NotFoundAsync(context, "There is no such device."));
        app.MapPost("/devices/{id}/revoke", context => GuardedAsync(context, async () =>
        {
            (bool changed, int sessions) = await service.RevokeAsync(Id(context));
            await WriteAsync(context, new JsonObject { ["changed"] = changed, ["closedSessions"] = sessions });
        }));
        app.MapPost("/devices/{id}/reinstate", context => GuardedAsync(context, async () =>
        {
            service.Registry.Refresh();
            (_, bool changed) = service.Registry.Reinstate(Id(context));
            await WriteAsync(context, new JsonObject { ["changed"] = changed });
        }));
    }

    private static void MapLwm2m(IEndpointRouteBuilder app, GatewayService service, CancellationToken stopping)
    {
        app.MapGet("/registrations", context => WriteAsync(context, new JsonArray(
            [.. service.Lwm2m.Registrations.OrderBy(r => r.DeviceId, StringComparer.Ordinal).Select(r => (JsonNode)DeviceDocument.Of(r))])));
        app.MapGet("/registrations/{id}", context =>
        {
            if (service.Lwm2m.Find(Id(context)) is not { } registration)
                return NotFoundAsync(context, "The device is not registered.");
            JsonObject document = DeviceDocument.Of(registration);
            document["observations"] = new JsonArray([.. service.Lwm2m.Observations(registration.DeviceId)
                .Select(paths => (JsonNode)new JsonArray([.. paths.Select(path => (JsonNode)path.ToString())]))]);
            return WriteAsync(context, document);
        });
        app.MapPost("/registrations/{id}/{**command}", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            var answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!service.Commands.TryHandle(Id(context), ((string?)context.GetRouteValue("command") ?? "").TrimEnd('/'), body.ToArray(), reply => answer.TrySetResult(reply.ToArray())))
            {
                await NotFoundAsync(context, "The device is not registered.");
                return;
            }
            // Whoever asked may go, and so may the gateway: the device is asked all the same.
            using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            await Task.WhenAny(answer.Task, Task.Delay(Timeout.Infinite, over.Token));
            if (!answer.Task.IsCompletedSuccessfully)
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }
            byte[] json = await answer.Task;
            context.Response.StatusCode = StatusOf(json);
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(json, context.RequestAborted);
        });
    }

    // What the device answered is an answer, whatever it says; what it did not answer is an error of HTTP's.
    private static int StatusOf(byte[] answer)
    {
        using JsonDocument document = JsonDocument.Parse(answer);
        return document.RootElement.TryGetProperty("failure", out JsonElement failure)
            ? failure.GetString() switch
            {
                "invalid" => StatusCodes.Status400BadRequest,
                "notRegistered" => StatusCodes.Status404NotFound,
                "queueFull" => StatusCodes.Status429TooManyRequests,
                "timedOut" => StatusCodes.Status504GatewayTimeout,
                "rejected" or "unreadable" => StatusCodes.Status502BadGateway,
                _ => StatusCodes.Status503ServiceUnavailable,
            }
            : StatusCodes.Status200OK;
    }

    private static string Id(HttpContext context) => (string)context.GetRouteValue("id")!;

    private static async Task GuardedAsync(HttpContext context, Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (KeysException e)
        {
            context.Response.StatusCode = StatusCodes.Status409Conflict;
            await WriteAsync(context, new JsonObject { ["error"] = e.Message });
        }
    }

    private static Task NotFoundAsync(HttpContext context, string error)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return WriteAsync(context, new JsonObject { ["error"] = error });
    }

    private static Task WriteAsync(HttpContext context, JsonNode document)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(document.ToJsonString() + "\n");
    }
}
