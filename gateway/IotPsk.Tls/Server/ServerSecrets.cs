using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tickets;

namespace IotPsk.Tls.Server;

/// <summary>What the server keeps from its flight until the client's Finished.</summary>
internal sealed class ServerSecrets(SecretBuffer expectedFinished, SecretBuffer clientTraffic, SecretBuffer exporter, PendingTickets? tickets) : IDisposable
{
    private SecretBuffer? _exporter = exporter;

    /// <summary>verify_data of the one right Finished.</summary>
    public ReadOnlySpan<byte> ExpectedFinished => expectedFinished.Span;

    /// <summary>client_application_traffic_secret_0.</summary>
    public ReadOnlySpan<byte> ClientTraffic => clientTraffic.Span;

    public PendingTickets? Tickets => tickets;

    /// <summary>The connection keeps it.</summary>
    public SecretBuffer TakeExporter() => Handshake.HandshakeSecrets.Take(ref _exporter);

    public void Dispose()
    {
        expectedFinished.Dispose();
        clientTraffic.Dispose();
        _exporter?.Dispose();
        tickets?.Dispose();
    }
}
