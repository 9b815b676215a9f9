namespace IotPsk.Tls.Tests.Support;

/// <summary>Links whose ends speak TLS 1.2.</summary>
internal static class Tls12Link
{
    public static readonly PskTlsClientOptions ClientOptions = new() { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)] };

    /// <summary>A client that offers both versions, with a key for each.</summary>
    public static readonly PskTlsClientOptions BothOptions = new()
    {
        Versions = [TlsProtocol.Tls13, TlsProtocol.Tls12],
        Credentials = [Link.Credential()],
        Tls12Credential = Link.Credential(PskBinder.External),
    };

    public static Link Create(PskTlsClientOptions? client = null, PskTlsServerOptions? server = null, Action<PskTlsServer>? answer = null) =>
        new(client ?? ClientOptions, server, answer ?? Provide);

    /// <summary>The answer of an owner who knows the one client.</summary>
    public static void Provide(PskTlsServer server) => server.ProvidePsk(0, Link.Key, PskBinder.External, TlsHash.Sha256);
}
