using IotPsk.Tls.Crypto;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class HandshakeTests
{
    public static TheoryData<CipherSuite, NamedGroup, PskBinder> Combinations
    {
        get
        {
            var data = new TheoryData<CipherSuite, NamedGroup, PskBinder>();
            foreach (CipherSuite suite in Suites.Tls13)
            {
                foreach (NamedGroup group in Enum.GetValues<NamedGroup>().Where(group => group == NamedGroup.None || CryptoProvider.Default.Supports(group)))
                {
                    foreach (PskBinder binder in Enum.GetValues<PskBinder>())
                        data.Add(suite, group, binder);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Every_suite_group_and_kind_of_key_connects(CipherSuite suite, NamedGroup group, PskBinder binder)
    {
        TlsHash hash = suite == CipherSuite.TLS_AES_256_GCM_SHA384 ? TlsHash.Sha384 : TlsHash.Sha256;
        bool pskKe = group == NamedGroup.None;
        var options = new PskTlsClientOptions
        {
            Credentials = [Link.Credential(binder, hash)],
            CipherSuites = [suite],
            Groups = pskKe ? [NamedGroup.Secp256r1] : [group],
            KeyExchangeModes = [pskKe ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe],
        };
        using var link = new Link(options, new PskTlsServerOptions { AllowPskKe = pskKe }, s => s.ProvidePsk(0, Link.Key, binder, hash));
        link.Connect();
        link.Exchange();
        foreach (PskTlsSession session in (PskTlsSession[])[link.Server.Session!, link.Client.Session!])
        {
            Assert.Equal(TlsProtocol.Tls13, session.Version);
            Assert.Equal(suite, session.CipherSuite);
            Assert.Equal(group, session.Group);
            Assert.Equal(pskKe ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe, session.KeyExchangeMode);
            Assert.Equal(binder, session.Binder);
            Assert.Equal(0, session.IdentityIndex);
            Assert.False(session.HelloRetried);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(100)]
    public void Bytes_may_arrive_in_any_portion(int chunk)
    {
        using var link = new Link { Chunk = chunk };
        link.Connect();
        link.Exchange(1000);
        Assert.Equal(0, link.ServerEnd.Unconsumed);
        Assert.Equal(0, link.ClientEnd.Unconsumed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void Output_may_be_taken_in_any_portion(int room)
    {
        using var link = new Link();
        link.ServerEnd.Room = link.ClientEnd.Room = room;
        link.Connect();
        link.Exchange(1000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(50)]
    public void A_hello_may_be_spread_over_records(int size)
    {
        using var server = new TestServer();
        byte[] output = server.Deliver(TestRecord.Fragmented(22, TestHello.Good().Message(), size));
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
        Assert.Equal(22, output[0]);
    }

    [Fact]
    public void The_handshake_is_counted_in_wire_bytes()
    {
        using var link = new Link();
        link.Connect();
        Assert.Equal(link.ClientEnd.Sent.Count, link.Client.Session!.HandshakeBytesSent);
        Assert.Equal(link.ServerEnd.Sent.Count, link.Client.Session.HandshakeBytesReceived);
        Assert.Equal(link.ServerEnd.Sent.Count, link.Server.Session!.HandshakeBytesSent);
        Assert.Equal(link.ClientEnd.Sent.Count, link.Server.Session.HandshakeBytesReceived);
    }

    [Fact]
    public void Data_right_after_the_clients_Finished_is_left_for_Read()
    {
        using var link = new Link();
        byte[] finished = link.ClientEnd.Deliver(link.DeliverToServer(link.ClientEnd.Deliver([])));
        byte[] data = link.ClientEnd.Write("first"u8);
        byte[] destination = new byte[1000];
        Assert.Equal(PskTlsStatus.Complete, link.Server.Handshake((byte[])[.. finished, .. data], destination, out int consumed, out int written));
        Assert.Equal(finished.Length, consumed);
        Assert.Equal(0, written);
        Assert.Equal(PskTlsStatus.Complete, link.Server.Read(data, destination, out consumed, out written));
        Assert.Equal(data.Length, consumed);
        Assert.Equal("first"u8.ToArray(), destination[..written]);
    }

    [Fact]
    public void The_middlebox_mode_is_the_clients_choice()
    {
        using var with = new Link();
        with.Connect();
        Assert.Equal(2, CountRecords(20, with.ServerEnd.Sent) + CountRecords(20, with.ClientEnd.Sent));
        using var without = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], MiddleboxCompatibility = false });
        without.Connect();
        Assert.Equal(0, CountRecords(20, without.ServerEnd.Sent) + CountRecords(20, without.ClientEnd.Sent));
    }

    [Fact]
    public void The_first_usable_identity_is_taken_wherever_it_stands()
    {
        using var stranger = new PskTlsCredential("stranger"u8, Link.Key, PskBinder.External, TlsHash.Sha384);
        var options = new PskTlsClientOptions { Credentials = [stranger, Link.Credential()] };
        using var link = new Link(options, answer: s =>
        {
            Assert.Equal(2, s.PendingIdentityCount);
            Assert.Equal("stranger"u8.ToArray(), s.GetPendingIdentity(0).ToArray());
            s.ProvidePsk(1, Link.Key, PskBinder.Imported, TlsHash.Sha256);
        });
        link.Connect();
        link.Exchange();
        Assert.Equal(1, link.Client.Session!.IdentityIndex);
        Assert.Equal(1, link.Server.Session!.IdentityIndex);
        Assert.NotEqual(CipherSuite.TLS_AES_256_GCM_SHA384, link.Server.Session.CipherSuite);
    }

    [Fact]
    public void The_keys_hash_goes_before_the_order_of_suites()
    {
        var options = new PskTlsServerOptions { CipherSuites = [CipherSuite.TLS_AES_256_GCM_SHA384, CipherSuite.TLS_CHACHA20_POLY1305_SHA256] };
        using var link = new Link(server: options);
        link.Connect();
        Assert.Equal(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, link.Server.Session!.CipherSuite);
    }

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Fact]
    public void Psk_ke_is_taken_only_if_allowed_and_only_if_nothing_better_is_possible()
    {
        var both = new PskTlsClientOptions { Credentials = [Link.Credential()], KeyExchangeModes = [PskKeyExchangeMode.PskKe, PskKeyExchangeMode.PskDheKe] };
        using var better = new Link(both, new PskTlsServerOptions { AllowPskKe = true });
        better.Connect();
        Assert.Equal(PskKeyExchangeMode.PskDheKe, better.Server.Session!.KeyExchangeMode);

        var noCommonGroup = new PskTlsClientOptions
        {
            Credentials = [Link.Credential()],
            KeyExchangeModes = [PskKeyExchangeMode.PskKe, PskKeyExchangeMode.PskDheKe],
            Groups = [NamedGroup.X25519],
        };
        using var fallback = new Link(noCommonGroup, new PskTlsServerOptions { AllowPskKe = true, Groups = [NamedGroup.Secp256r1] });
        fallback.Connect();
        fallback.Exchange();
        Assert.Equal(PskKeyExchangeMode.PskKe, fallback.Server.Session!.KeyExchangeMode);

        using var refused = new Link(noCommonGroup, new PskTlsServerOptions { Groups = [NamedGroup.Secp256r1] });
        refused.Run();
        Assert.Equal(TlsErrorReason.NoCommonGroup, refused.Server.Error!.Reason);
        Assert.Equal(TlsErrorReason.PeerAlert, refused.Client.Error!.Reason);
        Assert.Equal(AlertDescription.HandshakeFailure, refused.Client.Error.Alert);
        Assert.True(refused.Client.Error.SentByPeer);
    }

    [Fact]
    public void An_application_protocol_is_agreed_by_the_servers_order()
    {
        var client = new PskTlsClientOptions { Credentials = [Link.Credential()], ApplicationProtocols = ["x"u8.ToArray(), "coap"u8.ToArray(), "mqtt"u8.ToArray()], ServerName = "gw.example" };
        using var link = new Link(client, new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray(), "coap"u8.ToArray()] });
        link.Connect();
        Assert.Equal("mqtt"u8.ToArray(), link.Server.Session!.ApplicationProtocol.ToArray());
        Assert.Equal("mqtt"u8.ToArray(), link.Client.Session!.ApplicationProtocol.ToArray());

        using var silent = new Link(server: new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] });
        silent.Connect();
        Assert.True(silent.Server.Session!.ApplicationProtocol.IsEmpty);
    }

    [Fact]
    public async Task A_connection_may_move_from_thread_to_thread()
    {
        using var link = new Link { Chunk = 40 };
        await OnNewThread(link.Connect);
        for (int i = 0; i < 10; i++)
            await OnNewThread(() => link.Exchange());
    }

    [Fact]
    public void Two_handshakes_share_nothing()
    {
        using var first = new Link();
        using var second = new Link();
        first.Connect();
        second.Connect();
        byte[] record = first.ClientEnd.Write("secret"u8);
        second.ServerEnd.Deliver(record);
        Assert.Equal(TlsErrorReason.BadRecordMac, second.Server.Error!.Reason);
    }

    private static Task OnNewThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static int CountRecords(byte type, List<byte> wire)
    {
        int count = 0;
        for (int i = 0; i < wire.Count; i += 5 + (wire[i + 3] << 8) + wire[i + 4])
            count += wire[i] == type ? 1 : 0;
        return count;
    }
}
