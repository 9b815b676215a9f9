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

    internal AdminClient(string path)
    {
        _path = path;
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false })
        {
            BaseAddress = new Uri("http://iotpsk"),
            Timeout = Patience,
        };
    }

    /// <summary>The answer, whatever its status; null when nobody serves there.</summary>
    /// <exception cref="UserError">Something serves there and does not answer as it should.</exception>
    internal JsonNode? Send(HttpMethod method, string path)
    {
        try
        {
            using HttpResponseMessage response = _http.SendAsync(new HttpRequestMessage(method, path)).GetAwaiter().GetResult();
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
    internal JsonNode Ask(HttpMethod method, string path) =>
        Send(method, path) ?? throw new UserError("no gateway is running", _path, "start it with iotpsk serve, and give the same --config here");

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
