using System.Security.Cryptography;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>Both ends of the engine, joined by buffers.</summary>
internal sealed class EngineLink : IDisposable
{
    internal static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);
    private static readonly PskTlsServerOptions ServerOptions = new() { AllowPskKe = true };
    private readonly byte[] _up = new byte[4096];
    private readonly byte[] _down = new byte[4096];

    internal PskTlsClient Client { get; private set; } = null!;

    internal PskTlsServer Server { get; private set; } = null!;

    internal static PskTlsClientOptions ClientOptions(NamedGroup? group, CipherSuite suite = CipherSuite.TLS_AES_128_GCM_SHA256) => new()
    {
        Credentials = [new PskTlsCredential("device-1~1"u8, Key, PskBinder.External, TlsHash.Sha256)],
        Versions = [group is null ? TlsProtocol.Tls12 : TlsProtocol.Tls13],
        CipherSuites = [suite],
        Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256],
        Groups = [group is null or NamedGroup.None ? NamedGroup.Secp256r1 : group.Value],
        KeyExchangeModes = [group == NamedGroup.None ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe],
    };

    /// <summary>A whole handshake, both ends' work.</summary>
    internal void Connect(PskTlsClientOptions options)
    {
        Dispose();
        (Client, Server) = (new PskTlsClient(options), new PskTlsServer(ServerOptions));
        Client.Handshake([], _up, out _, out int sent);
        while (!Server.IsConnected && sent > 0)
        {
            int answered = Answer(_up.AsSpan(0, sent));
            Client.Handshake(_down.AsSpan(0, answered), _up, out _, out sent);
        }
        if (!Server.IsConnected || !Client.IsConnected)
            throw new InvalidOperationException($"no handshake: {Server.Error}");
    }

    private int Answer(ReadOnlySpan<byte> flight)
    {
        int answered = 0;
        while (true)
        {
            PskTlsStatus status = Server.Handshake(flight, _down.AsSpan(answered), out int taken, out int written);
            flight = flight[taken..];
            answered += written;
            if (status != PskTlsStatus.NeedsPsk)
                return answered;
            Server.ProvidePsk(0, Key, PskBinder.External, TlsHash.Sha256);
        }
    }

    public void Dispose()
    {
        Client?.Dispose();
        Server?.Dispose();
    }
}
