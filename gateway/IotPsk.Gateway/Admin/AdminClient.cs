using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace IotPsk.Gateway.Admin;

/// <summary>Speaks to a running <c>iotpsk serve</c> through its admin socket.</summary>
internal sealed class AdminClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly HttpClient _http;
    private readonly string _path;

    /// <param name="path">The socket.</param>
    /// <param name="patience">How long an answer may take; null: 5 seconds.</param>
    internal AdminClient(string path, TimeSpan? patience = null)
    {
        _path = path;
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false })
        {
            BaseAddress = new Uri("http://iotpsk"),
            Timeout = patience ?? Patience,
        };
    }

    /// <summary>The answer, whatever its status; null when nobody serves there.</summary>
    /// <exception cref="UserError">Something serves there and does not answer as it should.</exception>
    internal JsonNode? Send(HttpMethod method, string path, string? body = null)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body) };
            using HttpResponseMessage response = _http.SendAsync(request).GetAwaiter().GetResult();
            return response.Content.ReadFromJsonAsync<JsonNode>().GetAwaiter().GetResult();
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.AddressNotAvailable } || !File.Exists(_path))
        {
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or System.Text.Json.JsonException)
        {
            throw new UserError($"the running gateway did not answer ({(e.InnerException ?? e).Message})", _path, "run this as the gateway's user or as root, and look into the gateway's log", cause: e);
        }
    }

    /// <summary>The answer of a gateway that must be running.</summary>
    internal JsonNode Ask(HttpMethod method, string path, string? body = null) =>
        Send(method, path, body) ?? throw new UserError("no gateway is running", _path, "start it with iotpsk serve, and give the same --config here");

    /// <summary>The lines of a stream, as they come, until it or <paramref name="cancellation"/> ends.</summary>
    internal async Task ListenAsync(string path, Action<string> line, CancellationToken cancellation)
    {
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellation);
            response.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
            while (await reader.ReadLineAsync(cancellation) is { } text)
                line(text);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Enough was heard.
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new UserError($"the running gateway does not tell any more ({(e.InnerException ?? e).Message})", _path, "see whether it runs, and run this as its user or as root", cause: e);
        }
    }

    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
