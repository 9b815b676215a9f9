using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class HelloRetryTests
{
    private const int RetryRecordLength = 5 + 4 + 2 + 32 + 1 + 2 + 1 + 2 + 6 + 6;

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Theory]
    [InlineData(NamedGroup.Secp256r1, 0)]
    [InlineData(NamedGroup.X25519, 0)]
    [InlineData(NamedGroup.Secp256r1, 1)]
    [InlineData(NamedGroup.X25519, 1)]
    public void A_missing_share_is_asked_for(NamedGroup wanted, int sharesSent)
    {
        NamedGroup other = wanted == NamedGroup.X25519 ? NamedGroup.Secp256r1 : NamedGroup.X25519;
        var client = new PskTlsClientOptions { Credentials = [Link.Credential()], KeyShareGroups = sharesSent == 0 ? [] : [other] };
        using var link = new Link(client, new PskTlsServerOptions { Groups = [wanted] });
        link.Connect();
        link.Exchange();
        Assert.True(link.Server.Session!.HelloRetried);
        Assert.True(link.Client.Session!.HelloRetried);
        Assert.Equal(wanted, link.Server.Session.Group);
        Assert.Equal(wanted, link.Client.Session.Group);
    }

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Fact]
    public void No_retry_if_any_usable_share_came()
    {
        var client = new PskTlsClientOptions { Credentials = [Link.Credential()], KeyShareGroups = [NamedGroup.X25519] };
        using var link = new Link(client, new PskTlsServerOptions { Groups = [NamedGroup.Secp256r1, NamedGroup.X25519] });
        link.Connect();
        Assert.False(link.Server.Session!.HelloRetried);
        Assert.Equal(NamedGroup.X25519, link.Server.Session.Group);
    }

    [Fact]
    public void A_selected_key_may_move_up_when_others_are_dropped()
    {
        // The client drops the SHA-384 key that stands before the selected one, for the suite is of SHA-256.
        using var other = new PskTlsCredential("other"u8, Link.Key, PskBinder.Imported, TlsHash.Sha384);
        var client = new PskTlsClientOptions { Credentials = [other, Link.Credential()], KeyShareGroups = [] };
        using var link = new Link(client, answer: s => s.ProvidePsk(1, Link.Key, PskBinder.Imported, TlsHash.Sha256));
        link.Connect();
        link.Exchange();
        Assert.Equal(1, link.Server.Session!.IdentityIndex);
        Assert.Equal(1, link.Client.Session!.IdentityIndex);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public void A_second_hello_may_be_spread_over_records(int size)
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server);
        server.Deliver(TestRecord.Fragmented(22, second.Message(transcript), size));
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
    }

    public static TheoryData<string> BadSecondHellos => [.. Changes.Keys];

    internal static Dictionary<string, (Action<TestHello> Change, TlsErrorReason Reason)> Changes => new()
    {
        ["other random"] = (h => h.Random = new byte[32], TlsErrorReason.SecondHelloChanged),
        ["other session id"] = (h => h.SessionId = new byte[8], TlsErrorReason.SecondHelloChanged),
        ["other suites"] = (h => h.CipherSuites = [0x13, 0x03], TlsErrorReason.SecondHelloChanged),
        ["record_size_limit added"] = (h => h.Set(ExtensionType.RecordSizeLimit, 2, 0), TlsErrorReason.SecondHelloChanged),
        ["version gone"] = (h => h.Remove(ExtensionType.SupportedVersions), TlsErrorReason.SecondHelloChanged),
        ["modes gone"] = (h => h.Remove(ExtensionType.PskKeyExchangeModes), TlsErrorReason.SecondHelloChanged),
        ["groups gone"] = (h => h.Remove(ExtensionType.SupportedGroups), TlsErrorReason.SecondHelloChanged),
        ["share still missing"] = (h => h.Set(ExtensionType.KeyShare, 0, 0), TlsErrorReason.SecondHelloWrongKeyShare),
        ["key_share gone"] = (h => h.Remove(ExtensionType.KeyShare), TlsErrorReason.SecondHelloWrongKeyShare),
        ["share of another group"] = (h => h.Set(ExtensionType.KeyShare, [0, 36, 0, 0x1d, 0, 32, .. new byte[32]]), TlsErrorReason.SecondHelloWrongKeyShare),
        ["a share too many"] = (h => h.Set(ExtensionType.KeyShare, [0, 105, .. h.Share(), 0, 0x1d, 0, 32, .. new byte[32]]), TlsErrorReason.SecondHelloWrongKeyShare),
        ["early data"] = (h => h.Set(ExtensionType.EarlyData), TlsErrorReason.EarlyDataAfterRetry),
        ["no PSK"] = (h => h.Psks.Clear(), TlsErrorReason.SecondHelloWithoutPreSharedKey),
        ["another PSK"] = (h => h.Psks[0] = ("other"u8.ToArray(), Link.Key, PskBinder.Imported, TlsHash.Sha256), TlsErrorReason.SecondHelloWithoutPsk),
        ["wrong binder"] = (h => h.ChangeBinders = b => [b[0], (byte)(b[1] ^ 1), .. b[2..]], TlsErrorReason.BinderMismatch),
        ["malformed"] = (h => h.Trailer = [1], TlsErrorReason.MalformedClientHello),
    };

    [Theory]
    [MemberData(nameof(BadSecondHellos))]
    public void A_second_hello_must_be_the_first_one_with_the_share(string what)
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server);
        (Action<TestHello> change, TlsErrorReason reason) = Changes[what];
        change(second);
        server.MustFail(second.Record(transcript), reason);
    }

    [Fact]
    public void A_binder_without_the_retry_in_its_transcript_is_wrong()
    {
        using var server = new TestServer();
        (TestHello second, _) = Retry(server);
        server.MustFail(second.Record(), TlsErrorReason.BinderMismatch);
    }

    [Fact]
    public void Nothing_may_follow_a_second_hello_in_its_record()
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server);
        server.MustFail(TestRecord.Plain(22, [.. second.Message(transcript), 1]), TlsErrorReason.ExcessHandshakeData);
    }

    [Fact]
    public void Early_data_is_skipped_up_to_the_second_hello()
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server, earlyData: true);
        Assert.Empty(server.Deliver([.. TestRecord.Plain(20, 1), .. TestRecord.Plain(23, new byte[6000]), .. TestRecord.Plain(23, new byte[6000])]));
        server.Deliver(second.Record(transcript));
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
    }

    [Fact]
    public void After_the_second_hello_nothing_is_skipped()
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server, earlyData: true);
        server.Deliver(TestRecord.Plain(23, new byte[60]));
        server.Deliver(second.Record(transcript));
        Assert.Null(server.Server.Error);
        server.Deliver(TestRecord.Plain(23, new byte[60]));
        Assert.Equal(TlsErrorReason.BadRecordMac, server.Server.Error?.Reason);
    }

    [Fact]
    public void Early_data_does_not_interrupt_the_second_hello()
    {
        using var server = new TestServer();
        (TestHello second, byte[][] transcript) = Retry(server, earlyData: true);
        byte[] message = second.Message(transcript);
        server.MustFail([.. TestRecord.Plain(22, message[..50]), .. TestRecord.Plain(23, new byte[60]), .. TestRecord.Plain(22, message[50..])], TlsErrorReason.InterleavedHandshake);
    }

    [Fact]
    public void Early_data_is_skipped_only_up_to_a_bound_and_only_if_announced()
    {
        using var server = new TestServer();
        Retry(server, earlyData: true);
        server.MustFail([.. TestRecord.Plain(23, new byte[9000]), .. TestRecord.Plain(23, new byte[9000])], TlsErrorReason.TooMuchEarlyData);
        using var unannounced = new TestServer();
        Retry(unannounced);
        unannounced.MustFail(TestRecord.Plain(23, new byte[20]), TlsErrorReason.UnexpectedRecordType);
    }

    /// <summary>Brings a server to its HelloRetryRequest; returns the second hello and what its binder is over.</summary>
    private static (TestHello Second, byte[][] Transcript) Retry(TestServer server, bool earlyData = false)
    {
        TestHello hello = TestHello.Good();
        (ExtensionType _, byte[] share) = hello.Extensions.Single(extension => extension.Type == ExtensionType.KeyShare);
        hello.Set(ExtensionType.KeyShare, 0, 0);
        if (earlyData)
            hello.Set(ExtensionType.EarlyData);
        byte[] first = hello.Message();
        byte[] output = server.Deliver(TestRecord.Plain(22, first));
        Assert.Null(server.Server.Error);
        Assert.Equal(RetryRecordLength, output.Length);
        hello.Set(ExtensionType.KeyShare, share);
        hello.Remove(ExtensionType.EarlyData);
        byte[] hash = System.Security.Cryptography.SHA256.HashData(first);
        return (hello, [[254, 0, 0, 32], hash, output[5..]]);
    }
}
