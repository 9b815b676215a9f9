using System.Net;
using System.Net.Sockets;
using System.Text;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>What one visit of <see cref="OurClient"/> brought.</summary>
internal sealed record Visit(PskTlsSession Session, string Reply, PskTlsTicket? Ticket);

/// <summary>The client of IotPsk.Net, for what <c>iotpsk client tls</c> has no switch for.</summary>
internal static class OurClient
{
    /// <summary>Asks and waits until the answer begins as it should; the newest ticket is kept.</summary>
    public static async Task<Visit> AskAsync(int port, PskTlsClientOptions options, byte[] request, int replyLength)
    {
        using var limit = new CancellationTokenSource(Poll.Patience);
        using var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(IPAddress.Loopback, port, limit.Token);
        var client = new PskTlsClient(options);
        await using var stream = new PskTlsStream(tcp.GetStream(), client);
        await stream.AuthenticateAsync(cancellation: limit.Token);
        await stream.WriteAsync(request, limit.Token);
        byte[] reply = new byte[replyLength];
        await stream.ReadExactlyAsync(reply, limit.Token);
        PskTlsTicket? ticket = null;
        while (client.TryTakeTicket(out PskTlsTicket? next))
        {
            ticket?.Dispose();
            ticket = next;
        }

        await stream.ShutdownAsync(limit.Token);
        return new Visit(stream.Session!, Encoding.Latin1.GetString(reply), ticket);
    }
}
