using System.Text.Json;
using IotPsk.Gateway.Admin;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace IotPsk.Gateway.Tests;

/// <summary>The admin API and its description say the same; who may ask is decided by door, host, origin and token.</summary>
public sealed class AdminApiTests
{
    [Fact]
    public async Task The_description_has_every_route_and_no_other()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        await using WebApplication app = builder.Build();
        AdminRoutes.Map(app, null!, CancellationToken.None);
        string[] routes = [.. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>()
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText!.Replace("**", "", StringComparison.Ordinal)}"))
            .Order(StringComparer.Ordinal)];

        using JsonDocument description = JsonDocument.Parse(AdminRoutes.OpenDescription());
        string[] described = [.. description.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Where(member => member.Name != "parameters").Select(member => $"{member.Name.ToUpperInvariant()} {path.Name}"))
            .Order(StringComparer.Ordinal)];
        Assert.Equal(described, routes);
        Assert.True(routes.Length > 10);
    }

    [Fact]
    public void Every_reference_of_the_description_leads_somewhere_and_every_operation_says_what_it_does()
    {
        using JsonDocument description = JsonDocument.Parse(AdminRoutes.OpenDescription());
        JsonElement schemas = description.RootElement.GetProperty("components").GetProperty("schemas");
        int references = Walk(description.RootElement);
        Assert.True(references > 10);
        foreach (JsonProperty path in description.RootElement.GetProperty("paths").EnumerateObject())
        {
            foreach (JsonProperty operation in path.Value.EnumerateObject().Where(member => member.Name != "parameters"))
                Assert.NotEmpty(operation.Value.GetProperty("summary").GetString()!);
        }

        int Walk(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Sum(member => member.Name == "$ref" ? Found(member.Value.GetString()!) : Walk(member.Value)),
            JsonValueKind.Array => element.EnumerateArray().Sum(Walk),
            _ => 0,
        };

        int Found(string reference) => schemas.TryGetProperty(reference["#/components/schemas/".Length..], out _) ? 1 : throw new InvalidDataException(reference);
    }

    [Theory]
    // What everybody on this machine may read.
    [InlineData("/healthz", "127.0.0.1:9464", null, null, null, 200)]
    [InlineData("/healthz", "gateway", null, null, null, 200)]
    [InlineData("/metrics", "localhost", null, null, null, 200)]
    [InlineData("/metrics", "", null, null, null, 200)]
    [InlineData("/metrics", "[::1]:9464", null, null, "none", 200)]
    // A page in a browser may not, by whatever name.
    [InlineData("/metrics", "evil.example:9464", null, null, null, 403)]
    [InlineData("/metrics", "127.0.0.1.evil.example", null, null, null, 403)]
    [InlineData("/metrics", "192.0.2.1", null, null, null, 403)]
    [InlineData("/sessions", "127.0.0.1", "Bearer a-token-of-24-characters", "https://evil.example", null, 403)]
    [InlineData("/sessions", "127.0.0.1", "Bearer a-token-of-24-characters", "null", null, 403)]
    [InlineData("/sessions", "127.0.0.1", "Bearer a-token-of-24-characters", null, "cross-site", 403)]
    // The rest takes the token.
    [InlineData("/sessions", "127.0.0.1", "Bearer a-token-of-24-characters", null, null, 200)]
    [InlineData("/sessions", "127.0.0.1", "bearer a-token-of-24-characters", null, null, 200)]
    [InlineData("/sessions", "127.0.0.1", "Bearer a-token-of-24-character", null, null, 401)]
    [InlineData("/sessions", "127.0.0.1", "Basic a-token-of-24-characters", null, null, 401)]
    [InlineData("/sessions", "127.0.0.1", null, null, null, 401)]
    public async Task Loopback_asks_for_host_origin_and_token(string path, string host, string? authorization, string? origin, string? site, int status)
    {
        using var directory = new TokenFile("a-token-of-24-characters\n");
        var token = new AdminToken();
        token.Take(AdminToken.Read(directory.Path));
        Assert.Equal(status, await Ask(token, path, host, authorization, origin, site, socket: false));
        // Who came by the socket is known.
        Assert.Equal(200, await Ask(token, path, host, authorization, origin, site, socket: true));
        token.Take(AdminToken.Read(null));
        if (status is 200 or 401 && path == "/sessions")
            Assert.Equal(404, await Ask(token, path, host, authorization, origin, site, socket: false));
    }

    [Fact]
    public void A_token_that_others_can_read_or_guess_is_refused()
    {
        using var file = new TokenFile("short\n");
        Assert.Contains("shorter than 16", Assert.Throws<UserError>(() => AdminToken.Read(file.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(file.Path, "long enough, but not secret\n");
        File.SetUnixFileMode(file.Path, (UnixFileMode)0b110_100_100);
        Assert.Contains("open to every user", Assert.Throws<UserError>(() => AdminToken.Read(file.Path)).Message, StringComparison.Ordinal);
    }

    private static async Task<int> Ask(AdminToken token, string path, string host, string? authorization, string? origin, string? site, bool socket)
    {
        var context = new DefaultHttpContext();
        context.Request.Path = path;
        context.Request.Headers.Host = host;
        context.Request.Headers.Authorization = authorization;
        context.Request.Headers.Origin = origin;
        context.Request.Headers["Sec-Fetch-Site"] = site;
        if (socket)
            context.Features.Set(AdminGuard.Door.Instance);
        await AdminGuard.CheckAsync(context, token, _ => Task.CompletedTask);
        return context.Response.StatusCode;
    }

    private sealed class TokenFile : IDisposable
    {
        internal TokenFile(string content)
        {
            File.WriteAllText(Path, content);
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        internal string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
