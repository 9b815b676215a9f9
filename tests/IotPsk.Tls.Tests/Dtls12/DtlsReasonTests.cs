using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>How an association over datagrams ends, with the exact reason and the alert that is sent for it.</summary>
public class DtlsReasonTests
{
    public static TheoryData<TlsErrorReason> Reached => [.. Scenarios.Keys];

    internal static Dictionary<TlsErrorReason, Func<PskDtlsConnection>> Scenarios => new()
    {
        [TlsErrorReason.MalformedHelloVerifyRequest] = () => Client(TestDatagram.Fragment(3, 0, [0xfe, 0xff, 2, 7])),
        [TlsErrorReason.TooManyHelloVerifyRequests] = () => Client([.. Enumerable.Range(0, 5).Select(i => TestDatagram.Fragment(3, (ushort)i, [0xfe, 0xff, 1, 7]))]),
        [TlsErrorReason.UnexpectedHandshakeMessage] = () => Client(TestDatagram.Fragment(11, 0, [1])),
        [TlsErrorReason.HandshakeMessageTooLarge] = () => Client(TestDatagram.Fragment(2, 0, new byte[5000], 0, 10)),
        [TlsErrorReason.MalformedServerHello] = () => Client(TestDatagram.Fragment(2, 0, [0xfe, 0xfd, 1])),
        [TlsErrorReason.MalformedConnectionId] = () => Server(hello => hello.AsSpan().IndexOf((byte[])[0, 54, 0, 4, 3]) is var at and > 0 ? Replace(hello, at + 4, 2) : hello),
        [TlsErrorReason.NoCommonVersion] = () => Server(hello => Replace(hello, 26, 0xff)),
        [TlsErrorReason.MalformedClientHello] = () => Server(hello => TestDatagram.Fragment(1, 0, hello[25..80])),
        [TlsErrorReason.HandshakeTimedOut] = () =>
        {
            PskDtlsClient client = Client();
            while (client.Error is null)
            {
                client.Tick(client.Deadline);
                Drain(client);
            }

            return client;
        },
        [TlsErrorReason.TooManyForgedRecords] = () =>
        {
            var link = new VirtualLink(new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8] });
            link.Connect();
            link.Exchange();
            byte[] forged = VirtualLink.Sealed(link.Client, [1, 2, 3]);
            forged[^1] ^= 1;
            link.Server!.Association!.Forged = (1 << 20) - 2;
            link.Server.Receive(forged, link.Now, new byte[100], out _, out _);
            Assert.Null(link.Server.Error);
            link.Server.Receive(forged, link.Now, new byte[100], out _, out _);
            return link.Server;
        },
    };

    [Theory]
    [MemberData(nameof(Reached))]
    public void An_association_ends_for_this_reason_with_its_alert(TlsErrorReason reason)
    {
        using PskDtlsConnection connection = Scenarios[reason]();
        Assert.Equal(reason, connection.Error?.Reason);
        byte[][] output = Drain(connection);
        if (TlsErrorMap.Alert(reason) is not { } alert)
            Assert.Empty(output);
        else if (reason == TlsErrorReason.TooManyForgedRecords)
            Assert.Equal(21, Assert.Single(output)[0]);
        else
            Assert.Equal([21, 0xfe, 0xfd, 0, 0], Assert.Single(output)[..5]);

        // Nothing brings it back.
        Assert.Equal(PskTlsStatus.Closed, connection.Continue(0));
        Assert.Equal(PskTlsStatus.Closed, connection.Receive(TestDatagram.Record(22, 0, 0), 0, new byte[10], out _, out _));
        Assert.Equal(long.MaxValue, connection.Deadline);
        Assert.Empty(Drain(connection));
    }

    private static PskDtlsClient Client(params byte[][] datagrams)
    {
        var client = new PskDtlsClient(VirtualLink.ClientOptions, []);
        client.Continue(0);
        Drain(client);
        foreach (byte[] datagram in datagrams)
        {
            client.Receive(datagram, 0, new byte[100], out _, out _);
            if (client.Error is null)
                Drain(client);
        }

        return client;
    }

    private static PskDtlsServer Server(Func<byte[], byte[]> change)
    {
        using var client = new PskDtlsClient(VirtualLink.ClientOptions, [9, 9, 9]);
        client.Continue(0);
        var server = new PskDtlsServer(new PskDtlsServerOptions(), []);
        server.Receive(change(Assert.Single(Drain(client))), 0, new byte[100], out _, out _);
        return server;
    }

    private static byte[] Replace(byte[] datagram, int at, byte value)
    {
        byte[] changed = [.. datagram];
        changed[at] = value;
        return changed;
    }

    private static byte[][] Drain(PskDtlsConnection connection)
    {
        var datagrams = new List<byte[]>();
        byte[] buffer = new byte[connection.Mtu];
        while (connection.Flush(buffer, out int written))
            datagrams.Add(buffer[..written]);
        return [.. datagrams];
    }
}
