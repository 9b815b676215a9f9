using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Tls12;

public class Tls12HandshakeTests
{
    public static TheoryData<CipherSuite, NamedGroup> Combinations
    {
        get
        {
            var data = new TheoryData<CipherSuite, NamedGroup>();
            foreach (CipherSuite suite in Suites.Tls12)
            {
                foreach (NamedGroup group in Enum.GetValues<NamedGroup>())
                {
                    if (group == NamedGroup.None ? !Suites.IsEcdhe(suite) : Suites.IsEcdhe(suite) && CryptoProvider.Default.Supports(group))
                        data.Add(suite, group);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Every_suite_and_group_connects(CipherSuite suite, NamedGroup group)
    {
        using var link = Tls12Link.Create(Suites.Client(suite), new PskTlsServerOptions { Groups = [group == NamedGroup.None ? NamedGroup.Secp256r1 : group] });
        link.Connect();
        foreach (PskTlsSession session in (PskTlsSession[])[link.Client.Session!, link.Server.Session!])
        {
            Assert.Equal((TlsProtocol.Tls12, suite, group, PskBinder.External), (session.Version, session.CipherSuite, session.Group, session.Binder));
            Assert.Equal(group == NamedGroup.None ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe, session.KeyExchangeMode);
            Assert.Equal((0, 16384, true), (session.IdentityIndex, session.PeerRecordSizeLimit, session.HasExtendedMasterSecret));
        }

        Assert.Equal(link.Client.Session!.HandshakeBytesSent, link.Server.Session!.HandshakeBytesReceived);
        Assert.Equal(link.Client.Session.HandshakeBytesReceived, link.Server.Session.HandshakeBytesSent);
        Assert.Equal(link.ClientEnd.Sent.Count, link.Client.Session.HandshakeBytesSent);
        link.Exchange(40_000);
        link.Exchange(1);
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Byte_by_byte_and_in_small_records_it_is_the_same(CipherSuite suite, NamedGroup group)
    {
        using var link = Tls12Link.Create(
            new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], Tls12CipherSuites = [suite], RecordSizeLimit = 512 },
            new PskTlsServerOptions { RecordSizeLimit = 512 });
        link.Chunk = 1;
        link.ServerEnd.Room = 7;
        link.Connect();
        link.ServerEnd.Room = 70_000;
        Assert.Equal((512, 512), (link.Client.Session!.PeerRecordSizeLimit, link.Server.Session!.PeerRecordSizeLimit));
        Assert.Equal(group != NamedGroup.None, link.Server.Session.Group != NamedGroup.None);
        link.Exchange(5000);
        int overhead = link.Client.Records.WriteProtection12!.Overhead;
        Assert.Equal(5000 + (10 * overhead), link.ClientEnd.Write(new byte[5000]).Length);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(2048)]
    [InlineData(4096)]
    public void A_fragment_length_holds_for_both_sides(int length)
    {
        using var link = Tls12Link.Create(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [new PskTlsCredential(new byte[1500], Link.Key, PskBinder.External, TlsHash.Sha256)], RecordSizeLimit = 0, MaxFragmentLength = length,
        });
        link.Connect();
        Assert.Equal((length, length), (link.Client.Session!.PeerRecordSizeLimit, link.Server.Session!.PeerRecordSizeLimit));

        // It covers the plain records of the handshake too: an identity of 1500 bytes comes in pieces.
        Assert.All(Plain(link.ClientEnd.Sent), size => Assert.InRange(size, 1, length));
        link.Exchange(10_000);
        byte[] tooLong = new byte[length + 1 + link.Client.Records.WriteProtection12!.Overhead];
        link.Client.Records.WriteProtection12.Seal(Tls.Records.ContentType.ApplicationData, new byte[length + 1], tooLong);
        link.ServerEnd.Deliver(tooLong);
        Assert.Equal(TlsErrorReason.RecordTooLarge, link.Server.Error?.Reason);
    }

    [Theory]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public void A_fragment_length_holds_for_what_the_client_says_in_clear(int size, bool taken)
    {
        using var server = new TestServer(answer: Tls12Link.Provide);
        using var client = new ScriptedTls12Client(server, hello => hello.Set(ExtensionType.MaxFragmentLength, 1));
        byte[] exchange = [16, 0, 1, (byte)(size - 4 - 256), .. new byte[size - 4]];
        server.Deliver(TestRecord.Plain(22, exchange));
        Assert.Equal(taken ? TlsErrorReason.MalformedClientKeyExchange : TlsErrorReason.RecordTooLarge, server.Server.Error?.Reason);
    }

    [Fact]
    public void A_fragment_length_is_ignored_beside_a_record_size_limit()
    {
        using var link = Tls12Link.Create(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], RecordSizeLimit = 1000, MaxFragmentLength = 512,
        });
        link.Connect();
        Assert.Equal((16384, 1000), (link.Client.Session!.PeerRecordSizeLimit, link.Server.Session!.PeerRecordSizeLimit));
    }

    [Fact]
    public void The_owner_sees_protocol_identity_and_both_randoms()
    {
        byte[] clientRandom = [], serverRandom = [];
        using var link = Tls12Link.Create(answer: s =>
        {
            Assert.Equal((TlsProtocol.Tls12, 1), (s.PendingProtocol, s.PendingIdentityCount));
            Assert.Equal(Link.Identity, s.GetPendingIdentity(0).ToArray());
            Assert.Equal(TicketStatus.NotATicket, s.OpenTicket(0, 0, out _));
            Assert.Throws<ArgumentOutOfRangeException>(() => s.GetPendingIdentity(1));
            Assert.False(s.IsPskVerified);
            clientRandom = s.ClientRandom.ToArray();
            serverRandom = s.ServerRandom.ToArray();
            Tls12Link.Provide(s);
            Assert.Throws<InvalidOperationException>(s.RejectPsk);
        });
        Assert.Throws<InvalidOperationException>(() => link.Server.ClientRandom.Length);
        Assert.Equal(TlsProtocol.None, link.Server.PendingProtocol);
        link.Connect();
        Assert.True(link.Server.IsPskVerified);
        Assert.Equal(clientRandom, link.ClientEnd.Sent.Skip(5 + 4 + 2).Take(32));
        Assert.Equal(serverRandom, link.ServerEnd.Sent.Skip(5 + 4 + 2).Take(32));
    }

    [Fact]
    public void The_owner_of_a_handshake_of_TLS_13_sees_that_too()
    {
        using var link = new Link(answer: s =>
        {
            Assert.Equal((TlsProtocol.Tls13, 32, 0), (s.PendingProtocol, s.ClientRandom.Length, s.ServerRandom.Length));
            Link.Provide(s);
        });
        link.Connect();
        Assert.True(link.Server.Session!.HasExtendedMasterSecret);
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("other key")]
    [InlineData("imported key")]
    public void An_unknown_identity_fails_like_a_wrong_key(string what)
    {
        foreach (CipherSuite suite in Suites.Tls12)
        {
            using var link = Tls12Link.Create(Suites.Client(suite), answer: s =>
            {
                if (what == "unknown")
                    s.RejectPsk();
                else
                    s.ProvidePsk(0, what == "other key" ? new byte[32] : Link.Key, what == "other key" ? PskBinder.External : PskBinder.Imported, TlsHash.Sha256);
            });
            link.Run();
            Assert.Equal(TlsErrorReason.BadRecordMac, link.Server.Error?.Reason);
            Assert.Equal((TlsErrorReason.PeerAlert, AlertDescription.BadRecordMac), (link.Client.Error!.Reason, link.Client.Error.Alert));
            Assert.False(link.Server.IsPskVerified);
        }
    }

    [Fact]
    public void A_failed_lookup_is_an_internal_error()
    {
        using var link = Tls12Link.Create(answer: s => s.FailPsk());
        link.Run();
        Assert.Equal(TlsErrorReason.PskLookupFailed, link.Server.Error?.Reason);
        Assert.Equal(AlertDescription.InternalError, link.Client.Error?.Alert);
    }

    [Fact]
    public void A_hint_changes_nothing_but_the_messages()
    {
        foreach (CipherSuite suite in Suites.Tls12)
        {
            using var link = Tls12Link.Create(Suites.Client(suite), new PskTlsServerOptions { PskIdentityHint = "fleet-7"u8.ToArray() });
            link.Connect();
            Assert.True(link.ServerEnd.Sent.ToArray().AsSpan().IndexOf("\0\u0007fleet-7"u8) > 0);
        }
    }

    [Fact]
    public void Protocols_and_names_are_negotiated_as_in_TLS_13()
    {
        var client = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], ServerName = "gw.example", ApplicationProtocols = ["h2"u8.ToArray(), "mqtt"u8.ToArray()],
        };
        using var link = Tls12Link.Create(client, new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] });
        link.Connect();
        Assert.Equal("mqtt"u8.ToArray(), link.Client.Session!.ApplicationProtocol.ToArray());
        Assert.Equal("mqtt"u8.ToArray(), link.Server.Session!.ApplicationProtocol.ToArray());
        using var refused = Tls12Link.Create(client, new PskTlsServerOptions { ApplicationProtocols = ["coap"u8.ToArray()] });
        refused.Run();
        Assert.Equal(AlertDescription.NoApplicationProtocol, refused.Client.Error?.Alert);
    }

    [Fact]
    public void Preference_is_the_servers_and_forward_secrecy_goes_first()
    {
        using var both = Tls12Link.Create(new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12],
            Credentials = [Link.Credential(PskBinder.External)],
            Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256],
        });
        both.Connect();
        Assert.Equal(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256, both.Server.Session!.CipherSuite);
        using var plain = Tls12Link.Create(server: new PskTlsServerOptions { Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8] });
        plain.Connect();
        Assert.Equal((CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, NamedGroup.None), (plain.Client.Session!.CipherSuite, plain.Client.Session.Group));
        using var none = Tls12Link.Create(
            Suites.Client(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256), new PskTlsServerOptions { Tls12CipherSuites = [CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256] });
        none.Run();
        Assert.Equal(TlsErrorReason.NoCommonCipherSuite, none.Server.Error?.Reason);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void The_newest_common_version_is_spoken(bool serverHas13, bool serverHas12)
    {
        using var link = new Link(Tls12Link.BothOptions, new PskTlsServerOptions { AllowTls13 = serverHas13, AllowTls12 = serverHas12 }, s =>
            s.ProvidePsk(0, Link.Key, s.PendingProtocol == TlsProtocol.Tls13 ? PskBinder.Imported : PskBinder.External, TlsHash.Sha256));
        link.Connect();
        Assert.Equal(serverHas13 ? TlsProtocol.Tls13 : TlsProtocol.Tls12, link.Client.Session!.Version);
        Assert.Equal(link.Client.Session.Version, link.Server.Session!.Version);
        link.Exchange(20_000);
    }

    [Fact]
    public void Both_versions_survive_a_retry()
    {
        var client = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls12, TlsProtocol.Tls13], Credentials = [Link.Credential()], Tls12Credential = Link.Credential(PskBinder.External), KeyShareGroups = [],
        };
        using var link = new Link(client);
        link.Connect();
        Assert.True(link.Client.Session!.HelloRetried);
    }

    [Fact]
    public void Psk_ke_of_TLS_13_and_ECDHE_of_TLS_12_can_be_offered_together()
    {
        var client = new PskTlsClientOptions
        {
            Versions = [TlsProtocol.Tls13, TlsProtocol.Tls12],
            Credentials = [Link.Credential(PskBinder.External)],
            KeyExchangeModes = [PskKeyExchangeMode.PskKe],
        };
        using var newer = Tls12Link.Create(client, new PskTlsServerOptions { AllowPskKe = true });
        newer.Connect();
        Assert.Equal((TlsProtocol.Tls13, PskKeyExchangeMode.PskKe), (newer.Client.Session!.Version, newer.Client.Session.KeyExchangeMode));
        using var older = Tls12Link.Create(client, new PskTlsServerOptions { AllowTls13 = false });
        older.Connect();
        Assert.Equal((TlsProtocol.Tls12, NamedGroup.Secp256r1), (older.Client.Session!.Version, older.Client.Session.Group));
    }

    [Fact]
    public void Versions_that_are_switched_off_are_refused()
    {
        using var old = Tls12Link.Create(server: new PskTlsServerOptions { AllowTls12 = false });
        old.Run();
        Assert.Equal((TlsErrorReason.NoCommonVersion, AlertDescription.ProtocolVersion), (old.Server.Error!.Reason, old.Client.Error!.Alert));
        using var young = new Link(server: new PskTlsServerOptions { AllowTls13 = false });
        young.Run();
        Assert.Equal(TlsErrorReason.NoCommonVersion, young.Server.Error?.Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_servers_random_says_that_it_knows_better(bool knowsTls13)
    {
        using var link = Tls12Link.Create(server: new PskTlsServerOptions { AllowTls13 = knowsTls13 });
        link.Connect();
        Assert.Equal(knowsTls13, link.ServerEnd.Sent.Skip(5 + 4 + 2 + 24).Take(8).SequenceEqual("DOWNGRD\u0001"u8.ToArray()));
    }

    [Fact]
    public void A_downgrade_on_the_way_is_noticed()
    {
        // Somebody takes TLS 1.3 out of the list of versions.
        using var link = new Link(Tls12Link.BothOptions, answer: Tls12Link.Provide);
        link.Tamper = (toServer, bytes) =>
        {
            int at = toServer ? bytes.AsSpan().IndexOf((byte[])[0, 43, 0, 5, 4, 3, 4, 3, 3]) : -1;
            if (at > 0)
                bytes[at + 6] = 5;
            return bytes;
        };
        link.Run();
        Assert.Equal(TlsErrorReason.DowngradeDetected, link.Client.Error?.Reason);
        Assert.Equal(AlertDescription.IllegalParameter, link.Server.Error?.Alert);
    }

    [Fact]
    public void Without_extended_master_secret_it_works_where_both_allow_it_and_exports_nothing()
    {
        var client = new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], AllowWithoutExtendedMasterSecret = true };
        using var scripted = new TestServer(new PskTlsServerOptions { AllowWithoutExtendedMasterSecret = true }, Tls12Link.Provide);
        using var peer = new ScriptedTls12Client(scripted, h => h.Remove(Extensions.ExtensionType.ExtendedMasterSecret));
        peer.SendKeyExchange();
        peer.SendFinished();
        Assert.True(scripted.Server.IsConnected);
        Assert.False(scripted.Server.Session!.HasExtendedMasterSecret);
        Assert.Throws<InvalidOperationException>(() => scripted.Server.ExportKeyingMaterial("x"u8, default, new byte[10]));
        using var server = new ScriptedTls12Server(client) { ExtendedMasterSecret = false };
        server.SendHello();
        server.Finish();
        Assert.True(server.Client.IsConnected);
        Assert.False(server.Client.Session!.HasExtendedMasterSecret);
    }

    [Theory]
    [InlineData("", 32)]
    [InlineData("context", 32)]
    [InlineData("", 500)]
    public void Both_ends_export_the_same(string context, int length)
    {
        using var link = Tls12Link.Create();
        link.Connect();
        byte[] atClient = new byte[length], atServer = new byte[length], other = new byte[length];
        byte[] contextBytes = System.Text.Encoding.ASCII.GetBytes(context);
        link.Client.ExportKeyingMaterial("EXPERIMENTAL x"u8, contextBytes, atClient);
        link.Server.ExportKeyingMaterial("EXPERIMENTAL x"u8, contextBytes, atServer);
        link.Server.ExportKeyingMaterial("EXPERIMENTAL y"u8, contextBytes, other);
        Assert.Equal(atClient, atServer);
        Assert.NotEqual(atClient, other);
        Assert.Throws<ArgumentException>(() => link.Client.ExportKeyingMaterial("EXPERIMENTAL x"u8, new byte[65_536], new byte[1]));
    }

    [Fact]
    public void Both_ends_log_the_master_secret()
    {
        var atClient = new List<string>();
        var atServer = new List<string>();
        using var link = Tls12Link.Create(
            new PskTlsClientOptions { Versions = [TlsProtocol.Tls12], Credentials = [Link.Credential(PskBinder.External)], KeyLog = atClient.Add }, new PskTlsServerOptions { KeyLog = atServer.Add });
        link.Connect();
        string random = Convert.ToHexStringLower([.. link.ClientEnd.Sent.Skip(5 + 4 + 2).Take(32)]);
        Assert.Equal(atClient, atServer);
        Assert.Matches($"^CLIENT_RANDOM {random} [0-9a-f]{{96}}$", Assert.Single(atClient));
    }

    [Fact]
    public void Either_end_closes_by_its_own_direction()
    {
        using var link = Tls12Link.Create();
        link.Connect();
        link.ServerEnd.Deliver(link.ClientEnd.Shutdown());
        Assert.Equal(PskTlsStatus.Closed, link.ServerEnd.Status);
        Assert.Null(link.Server.Error);
        link.ClientEnd.Deliver(link.ServerEnd.Write([1, 2, 3]));
        Assert.Equal([1, 2, 3], link.ClientEnd.Received);
    }

    [Fact]
    public void Options_are_checked()
    {
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { Tls12CipherSuites = [CipherSuite.TLS_AES_128_GCM_SHA256] });
        Assert.Throws<ArgumentException>(() => new PskTlsServerOptions { PskIdentityHint = new byte[1025] });
        Assert.Throws<ArgumentException>(() => new PskTlsServer(new PskTlsServerOptions { AllowTls12 = false, AllowTls13 = false }));
        PskTlsCredential imported = Link.Credential();
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [imported], Tls12Credential = imported });
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [imported], Versions = [TlsProtocol.Dtls12] });
        Assert.Throws<ArgumentException>(() => new PskTlsClientOptions { Credentials = [imported], Versions = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PskTlsClientOptions { Credentials = [imported], MaxFragmentLength = 513 });
        Assert.Throws<ArgumentException>(() => new PskTlsClient(new PskTlsClientOptions { Credentials = [imported], Versions = [TlsProtocol.Tls12] }));
    }

    /// <summary>The sizes of the plain records after the hello.</summary>
    private static List<int> Plain(IEnumerable<byte> wire)
    {
        byte[] bytes = [.. wire];
        var sizes = new List<int>();
        for (int i = 5 + (bytes[3] << 8) + bytes[4]; bytes[i] != 20; i += 5 + sizes[^1])
            sizes.Add((bytes[i + 3] << 8) + bytes[i + 4]);
        return sizes;
    }
}
