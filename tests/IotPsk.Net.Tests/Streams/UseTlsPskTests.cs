using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IotPsk.Net.Tests.Streams;

/// <summary>A web service on Kestrel with keys instead of certificates.</summary>
public sealed class UseTlsPskTests : IAsyncLifetime
{
    private readonly WebApplication _app;

    public UseTlsPskTests()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseTlsPsk(tls => tls.FindKey = async (identity, _, cancellation) =>
        {
            await Task.Delay(1, cancellation);      // a key may take its time
            if (identity.Span.SequenceEqual("broken"u8))
                throw new InvalidOperationException("the keys are out of reach");
            return identity.Span.SequenceEqual("known"u8) ? new TlsPskKey([.. TestResolver.Key], Tag: "tag of known") : null;
        })));
        _app = builder.Build();
        _app.MapGet("/", (HttpContext context) =>
        {
            ITlsPskFeature peer = context.Features.Get<ITlsPskFeature>()!;
            return $"{Encoding.UTF8.GetString(peer.Identity.Span)}, {peer.Tag}, {peer.Session.Version}";
        });
        _app.MapPost("/echo", async (HttpContext context) => await context.Request.Body.CopyToAsync(context.Response.Body));
    }

    public Task InitializeAsync() => _app.StartAsync();

    public async Task DisposeAsync() => await _app.DisposeAsync();

    private async Task<PskTlsStream> ConnectAsync(string identity, byte[] key)
    {
        var address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        var stream = new PskTlsStream(new NetworkStream(socket, ownsSocket: true), TestTls.Client(identity, key));
        await stream.AuthenticateAsync();
        return stream;
    }

    [Fact]
    public async Task A_request_knows_who_sent_it()
    {
        await using PskTlsStream stream = await ConnectAsync("known", TestResolver.Key);
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"u8.ToArray());
        string answer = await new StreamReader(stream).ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200 OK", answer, StringComparison.Ordinal);
        Assert.Contains("known, tag of known, Tls13", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_body_comes_back_whole()
    {
        await using PskTlsStream stream = await ConnectAsync("known", TestResolver.Key);
        string body = new('x', 500_000);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /echo HTTP/1.1\r\nHost: service\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        string answer = await new StreamReader(stream).ReadToEndAsync();
        Assert.Equal(body.Length, answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Count(c => c == 'x'));
    }

    [Fact]
    public async Task A_failure_to_find_the_key_is_told_as_internal_error()
    {
        PskTlsException refused = await Assert.ThrowsAsync<PskTlsException>(() => ConnectAsync("broken", TestResolver.Key));
        Assert.Equal((AlertDescription.InternalError, true), (refused.Error.Alert, refused.Error.SentByPeer));
    }

    [Theory]
    [InlineData("unknown", true)]
    [InlineData("known", false)]
    public async Task A_stranger_or_a_wrong_key_gets_decrypt_error(string identity, bool right)
    {
        PskTlsException refused = await Assert.ThrowsAsync<PskTlsException>(() => ConnectAsync(identity, right ? TestResolver.Key : new byte[32]));
        Assert.Equal(AlertDescription.DecryptError, refused.Error.Alert);
    }
}
