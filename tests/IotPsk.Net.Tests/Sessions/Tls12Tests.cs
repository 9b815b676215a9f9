using IotPsk.Net.Tests.Support;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Sessions;

public class Tls12Tests
{
    [Fact]
    public void A_device_of_TLS_12_talks_to_the_upstream()
    {
        using var bench = new Bench();
        TlsProtocol asked = TlsProtocol.None;
        bench.Resolver.OnResolve = request =>
        {
            asked = request.Protocol;
            TestResolver.ProvideNow(request);
        };
        using var client = Connect(bench);
        Assert.Null(client.Handshake());
        Assert.Equal("hello", client.Echo("hello"));
        Assert.Equal(TlsProtocol.Tls12, asked);
        Assert.Equal(TlsProtocol.Tls12, Assert.Single(bench.Events.Sessions).Tls!.Version);
        Assert.Equal(TestResolver.Device, Assert.Single(bench.Resolver.Verifications));
        client.SendCloseNotify();
        bench.Events.Wait("closed PeerClosed");
    }

    [Fact]
    public void A_client_of_TLS_13_says_so() => Assert.Equal(TlsProtocol.Tls13, AskedProtocol());

    /// <summary>In TLS 1.2 the client's change_cipher_spec and Finished are there before the key is.</summary>
    [Fact]
    public void What_came_with_the_identity_is_kept_while_the_key_is_looked_up()
    {
        using var bench = new Bench();
        PskRequest? pending = null;
        bench.Resolver.OnResolve = request => Volatile.Write(ref pending, request);
        using var client = Connect(bench);
        var answer = new Thread(() =>
        {
            Bench.Until(() => Volatile.Read(ref pending) is not null, "the resolver is asked");
            bench.Settle();
            TestResolver.Provide(pending!, "late");
        });
        answer.Start();
        Assert.Null(client.Handshake());
        answer.Join();
        Assert.Equal("hello", client.Echo("hello"));
        Assert.Equal("late", Assert.Single(bench.Resolver.Verifications));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_unknown_device_and_a_wrong_key_look_the_same(bool known)
    {
        using var bench = new Bench();
        using var client = new TestClient(bench.Server, TestTls.Tls12Client(known ? TestResolver.Device : "stranger", known ? new byte[32] : TestResolver.Key));
        TlsError? error = client.Handshake();
        Assert.Equal((TlsErrorReason.PeerAlert, AlertDescription.BadRecordMac), (error!.Reason, error.Alert));
        bench.Events.Wait(known ? "failed Tls" : "failed Rejected");
        Assert.Equal(0, bench.Events.Count("connected"));
    }

    [Fact]
    public void Much_data_in_small_records_passes_both_ways()
    {
        using var bench = new Bench();
        using var client = new TestClient(bench.Server, new PskTlsClient(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [TestTls.Credential(TestResolver.Device, TestResolver.Key)], RecordSizeLimit = 512,
        }));
        Assert.Null(client.Handshake());
        for (int i = 0; i < 20; i++)
        {
            byte[] data = Patterns.Make(10_000, i);
            client.Send(data);
            Assert.Equal(data, client.Receive(data.Length));
        }
    }

    private static TestClient Connect(Bench bench) => new(bench.Server, TestTls.Tls12Client(TestResolver.Device, TestResolver.Key));

    private static TlsProtocol AskedProtocol()
    {
        using var bench = new Bench();
        TlsProtocol asked = TlsProtocol.None;
        bench.Resolver.OnResolve = request =>
        {
            asked = request.Protocol;
            TestResolver.ProvideNow(request);
        };
        using var client = bench.Connect();
        return asked;
    }
}
