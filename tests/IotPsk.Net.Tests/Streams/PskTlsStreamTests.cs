using System.IO.Pipelines;
using System.Security.Cryptography;
using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Streams;

public sealed class PskTlsStreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static (Stream One, Stream Other) Link()
    {
        Pipe up = new(), down = new();
        return (new DuplexPipeStream(new Ends(down.Reader, up.Writer)), new DuplexPipeStream(new Ends(up.Reader, down.Writer)));
    }

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private static ValueTask Provide(PskTlsServer server, CancellationToken cancellation)
    {
        server.ProvidePsk(0, TestResolver.Key, PskBinder.External, TlsHash.Sha256);
        return ValueTask.CompletedTask;
    }

    private static async Task<(PskTlsStream Client, PskTlsStream Server)> ConnectAsync(byte[]? key = null)
    {
        (Stream one, Stream other) = Link();
        var client = new PskTlsStream(one, TestTls.Client(TestResolver.Device, key ?? TestResolver.Key));
        var server = new PskTlsStream(other, new PskTlsServer(TestTls.Server));
        await Task.WhenAll(client.AuthenticateAsync(), server.AuthenticateAsync(Provide)).WaitAsync(Patience);
        return (client, server);
    }

    [Fact]
    public async Task Data_goes_both_ways_at_once_and_arrives_whole()
    {
        (PskTlsStream client, PskTlsStream server) = await ConnectAsync();
        byte[] up = RandomNumberGenerator.GetBytes(300_000), down = RandomNumberGenerator.GetBytes(300_000);
        byte[] gotUp = new byte[up.Length], gotDown = new byte[down.Length];
        await Task.WhenAll(client.WriteAsync(up).AsTask(), server.WriteAsync(down).AsTask(),
            server.ReadExactlyAsync(gotUp).AsTask(), client.ReadExactlyAsync(gotDown).AsTask()).WaitAsync(Patience);
        Assert.Equal(up, gotUp);
        Assert.Equal(down, gotDown);
        Assert.Equal(client.Session!.HandshakeBytesSent, server.Session!.HandshakeBytesReceived);
    }

    [Fact]
    public async Task A_farewell_ends_one_direction_and_the_other_goes_on()
    {
        (PskTlsStream client, PskTlsStream server) = await ConnectAsync();
        await client.ShutdownAsync();
        Assert.Equal(0, await server.ReadAsync(new byte[10]));
        await server.WriteAsync("still here"u8.ToArray());
        byte[] got = new byte[10];
        await client.ReadExactlyAsync(got);
        Assert.Equal("still here"u8, got);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await client.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task An_end_without_farewell_is_no_end()
    {
        (PskTlsStream client, PskTlsStream server) = await ConnectAsync();
        await client.WriteAsync("part"u8.ToArray());
        client.Dispose();
        await server.ReadExactlyAsync(new byte[4]);
        await Assert.ThrowsAnyAsync<IOException>(async () => Assert.Equal(0, await server.ReadAsync(new byte[10]).AsTask().WaitAsync(Patience)));
    }

    [Fact]
    public async Task A_wrong_key_is_told_to_both_ends()
    {
        (Stream one, Stream other) = Link();
        using var client = new PskTlsStream(one, TestTls.Client(TestResolver.Device, new byte[32]));
        using var server = new PskTlsStream(other, new PskTlsServer(TestTls.Server));
        Task serving = server.AuthenticateAsync(Provide);
        PskTlsException refused = await Assert.ThrowsAsync<PskTlsException>(() => client.AuthenticateAsync().WaitAsync(Patience));
        Assert.Equal((AlertDescription.DecryptError, true), (refused.Error.Alert, refused.Error.SentByPeer));
        Assert.Equal(TlsErrorReason.BinderMismatch, (await Assert.ThrowsAsync<PskTlsException>(() => serving)).Error.Reason);
    }

    [Fact]
    public async Task Nobody_takes_the_engine_away_while_it_works()
    {
        (Stream one, Stream other) = Link();
        using var client = new PskTlsStream(one, TestTls.Client(TestResolver.Device, TestResolver.Key));
        PskTlsStream? server = null;
        Task? disposing = null;
        var disposedInside = false;
        // The engine calls this in the middle of its work.
        void OnSecret(string line)
        {
            disposing ??= Task.Run(server!.Dispose);
            disposedInside |= disposing.Wait(200);
        }
        server = new PskTlsStream(other, new PskTlsServer(new PskTlsServerOptions { KeyLog = OnSecret }));
        var both = Task.WhenAll(client.AuthenticateAsync(), server.AuthenticateAsync(Provide));
        await Assert.ThrowsAnyAsync<Exception>(() => both.WaitAsync(Patience));
        Assert.False(disposedInside);
        await disposing!.WaitAsync(Patience);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.ReadAsync(new byte[1]).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.WriteAsync(new byte[1]).AsTask());
    }

    [Fact]
    public async Task A_peer_that_leaves_during_the_handshake_is_told()
    {
        (Stream one, Stream other) = Link();
        using var server = new PskTlsStream(other, new PskTlsServer(TestTls.Server));
        Task serving = server.AuthenticateAsync(Provide);
        await one.WriteAsync(new byte[] { 22, 3 });
        one.Dispose();
        await Assert.ThrowsAsync<EndOfStreamException>(() => serving.WaitAsync(Patience));
    }
}
