using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Dtls12;
using IotPsk.Tls.Tests.Handshake;
using IotPsk.Tls.Tests.Records;
using IotPsk.Tls.Tests.Support;
using IotPsk.Tls.Tests.Tickets;
using IotPsk.Tls.Tests.Tls12;

namespace IotPsk.Tls.Tests.Errors;

/// <summary>Every reason is reached: by a row of a table whose own test demands exactly that reason, or by a scenario here.</summary>
public class ReasonTests
{
    public static TheoryData<TlsErrorReason> Reached => [.. Scenarios.Keys];

    private static IEnumerable<TlsErrorReason> Tables =>
    [
        .. HostileClientHelloTests.BadHellos.Values.Select(row => row.Reason),
        .. HelloRetryTests.Changes.Values.Select(row => row.Reason),
        .. HostileFinishedTests.BadRecords.Values.Select(row => row.Reason),
        .. HostileServerTests.BadAnswers.Values.Select(row => row.Reason),
        .. HostileServerTests.BadFlights.Values.Select(row => row.Reason),
        .. RecordTests.BadFirstRecords.Values.Select(row => row.Reason),
        .. DataTests.BadRecords.Values.Select(row => row.Reason),
        .. HostileTls12ClientTests.BadHellos.Values.Select(row => row.Reason),
        .. HostileTls12ClientTests.BadFlights.Values.Select(row => row.Reason),
        .. HostileTls12ClientTests.BadData.Values.Select(row => row.Reason),
        .. HostileTls12ServerTests.BadAnswers.Values.Select(row => row.Reason),
        .. ClientTicketTests.Bad.Values.Select(row => row.Reason),
        .. DtlsReasonTests.Scenarios.Keys,
    ];

    private static Dictionary<TlsErrorReason, Func<TlsError?>> Scenarios => new()
    {
        [TlsErrorReason.TooManyEmptyRecords] = () => AfterConnect(link => Repeat(33, () => TestRecord.Protected(link.Client, 23))),
        [TlsErrorReason.TooManyKeyUpdates] = () => AfterConnect(link => Repeat(33, () =>
        {
            byte[] record = TestRecord.Protected(link.Client, 22, 24, 0, 0, 1, 0);
            link.Client.Records.WriteProtection!.Update();
            return record;
        })),
        [TlsErrorReason.TooManyWarnings] = () => AfterConnect(link => Repeat(5, () => TestRecord.Protected(link.Client, 21, 1, 90))),
        [TlsErrorReason.PeerAlert] = () => AfterConnect(link => TestRecord.Protected(link.Client, 21, 2, 40)),
        [TlsErrorReason.BadChangeCipherSpec] = () => AfterHello(TestHello.Good(), TestRecord.Plain(20, 2)),
        [TlsErrorReason.TooManyChangeCipherSpecs] = () => AfterHello(TestHello.Good(), Repeat(33, () => TestRecord.Plain(20, 1))),
        [TlsErrorReason.TooMuchEarlyData] = () => AfterHello(TestHello.Good().Set(ExtensionType.EarlyData), Repeat(2, () => TestRecord.Plain(23, new byte[9000]))),
        [TlsErrorReason.ClosedDuringHandshake] = () => AfterHello(TestHello.Good(), TestRecord.Plain(21, 1, 0)),
        [TlsErrorReason.NoCommonApplicationProtocol] = () => OfServer(
            TestHello.Good().Set(ExtensionType.ApplicationLayerProtocolNegotiation, 0, 2, 1, 65), Link.Provide, new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] }),
        [TlsErrorReason.NoUsablePsk] = () => OfServer(TestHello.Good(), s => s.RejectPsk()),
        [TlsErrorReason.PskLookupFailed] = () => OfServer(TestHello.Good(), s => s.FailPsk()),
        [TlsErrorReason.SequenceExhausted] = () =>
        {
            using var link = new Link();
            link.Connect();
            link.Client.Records.WriteProtection!.Sequence = ulong.MaxValue;
            link.Client.Write([1], new byte[100], out _, out _);
            return link.Client.Error;
        },
        [TlsErrorReason.TooManyTickets] = () =>
        {
            using var link = new Link();
            link.Connect();
            link.ClientEnd.Deliver(Repeat(33, () => TestRecord.Protected(link.Server, 22, [4, 0, 0, 14, 0, 0, 1, 0, 1, 2, 3, 4, 0, 0, 1, 9, 0, 0])));
            return link.Client.Error;
        },
        [TlsErrorReason.SelectedUnofferedApplicationProtocol] = () =>
        {
            using var peer = new ScriptedServer(new PskTlsClientOptions { Credentials = [Link.Credential()], ApplicationProtocols = ["mqtt"u8.ToArray()] });
            peer.SendServerHello();
            peer.SendProtected(22, HostileServerTests.Encrypted([0, 16, 0, 4, 0, 2, 1, 65]));
            return peer.Client.Error;
        },
        [TlsErrorReason.MalformedServerName] = () =>
        {
            using var peer = new ScriptedTls12Server(new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], ServerName = "gw" });
            peer.Send(ScriptedTls12Server.Hello(extensions: [0, 0, 0, 1, 0]));
            return peer.Client.Error;
        },
        [TlsErrorReason.SecondRetryRequest] = () =>
        {
            using var peer = new ScriptedServer(Link.ClientOptions());
            peer.SendRetry([0, 44, 0, 3, 0, 1, 7]);
            peer.SendPlain(peer.LastRetry);
            return peer.Client.Error;
        },
        [TlsErrorReason.SelectionChangedAfterRetry] = () =>
        {
            using var peer = new ScriptedServer(Link.ClientOptions());
            peer.SendRetry([0, 44, 0, 3, 0, 1, 7]);
            byte[] sessionId = peer.Hello.Slice(4 + 2 + 32 + 1, 32).ToArray();
            peer.SendPlain(HostileServerTests.Hello(sessionId: sessionId, suite: 0x1303, extensions: [0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0]));
            return peer.Client.Error;
        },
        [TlsErrorReason.TwoRecordLimits] = () =>
        {
            using var peer = new ScriptedTls12Server(new PskTlsClientOptions
            {
                Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], MaxFragmentLength = 512,
            });
            peer.Send(ScriptedTls12Server.Hello(extensions: [0, 1, 0, 1, 1, 0, 28, 0, 2, 2, 0]));
            return peer.Client.Error;
        },
        [TlsErrorReason.CryptoFailure] = () =>
        {
            using var server = new PskTlsServer(new PskTlsServerOptions(), new FailingCrypto(1));
            new Wire(server).Deliver(TestHello.Good().Record());
            server.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha256);
            new Wire(server).Deliver([]);
            return server.Error;
        },
    };

    [Fact]
    public void Every_reason_is_in_a_table()
    {
        IEnumerable<TlsErrorReason> all = Enum.GetValues<TlsErrorReason>().Where(reason => reason != TlsErrorReason.None);
        Assert.Empty(all.Except(Tables).Except(Scenarios.Keys));
    }

    [Theory]
    [MemberData(nameof(Reached))]
    public void A_scenario_ends_with_its_reason_and_alert(TlsErrorReason reason)
    {
        TlsError? error = Scenarios[reason]();
        Assert.Equal(reason, error?.Reason);
        if (!error!.SentByPeer)
            Assert.Equal(TlsErrorMap.Alert(reason), error.Alert);
        Assert.Equal(TlsErrorMap.Kind(reason), error.Kind);
    }

    private static byte[] Repeat(int count, Func<byte[]> record) => [.. Enumerable.Range(0, count).SelectMany(_ => record())];

    private static TlsError? AfterConnect(Func<Link, byte[]> records)
    {
        using var link = new Link();
        link.Connect();
        link.ServerEnd.Deliver(records(link));
        return link.Server.Error;
    }

    private static TlsError? AfterHello(TestHello hello, byte[] records)
    {
        using var server = new TestServer();
        server.Deliver(hello.Record());
        server.Deliver(records);
        return server.Server.Error;
    }

    private static TlsError? OfServer(TestHello hello, Action<PskTlsServer> answer, PskTlsServerOptions? options = null)
    {
        using var server = new TestServer(options, answer);
        server.Deliver(hello.Record());
        return server.Server.Error;
    }
}
