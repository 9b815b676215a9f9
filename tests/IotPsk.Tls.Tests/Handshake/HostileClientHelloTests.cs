using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>Every wrong hello ends the connection with its own reason and alert; whatever can be judged without the key never asks for it.</summary>
public class HostileClientHelloTests
{
    public static TheoryData<string> BeforeTheKey => [.. BadHellos.Keys];

    internal static Dictionary<string, (Func<TestHello, TestHello> Change, TlsErrorReason Reason)> BadHellos => new()
    {
        ["SSL 3.0"] = (h => With(h, x => x.LegacyVersion = 0x0300), TlsErrorReason.LegacyVersionTooOld),
        ["TLS 1.1 only"] = (h => { h.LegacyVersion = 0x0302; return h.Remove(ExtensionType.SupportedVersions); }, TlsErrorReason.NoCommonVersion),
        ["TLS 1.1 and 1.0 by list"] = (h => h.Set(ExtensionType.SupportedVersions, 4, 3, 2, 3, 1), TlsErrorReason.NoCommonVersion),
        ["odd list of versions"] = (h => h.Set(ExtensionType.SupportedVersions, 3, 3, 4, 3), TlsErrorReason.MalformedSupportedVersions),
        ["empty list of versions"] = (h => h.Set(ExtensionType.SupportedVersions, 0), TlsErrorReason.MalformedSupportedVersions),
        ["long session id"] = (h => With(h, x => x.SessionId = new byte[33]), TlsErrorReason.MalformedClientHello),
        ["no suites"] = (h => With(h, x => x.CipherSuites = []), TlsErrorReason.MalformedClientHello),
        ["odd suites"] = (h => With(h, x => x.CipherSuites = [0x13, 1, 2]), TlsErrorReason.MalformedClientHello),
        ["unknown suites"] = (h => With(h, x => x.CipherSuites = [0x13, 0x99]), TlsErrorReason.NoCommonCipherSuite),
        ["no compression methods"] = (h => With(h, x => x.Compression = []), TlsErrorReason.MalformedClientHello),
        ["deflate"] = (h => With(h, x => x.Compression = [1]), TlsErrorReason.BadCompressionMethods),
        ["two compression methods"] = (h => With(h, x => x.Compression = [1, 0]), TlsErrorReason.BadCompressionMethods),
        ["bytes after the extensions"] = (h => With(h, x => x.Trailer = [0]), TlsErrorReason.MalformedClientHello),
        ["extension twice"] = (h => With(h, x => x.Extensions.Add(x.Extensions[0])), TlsErrorReason.DuplicateExtension),
        ["unknown extension twice"] = (h => With(h, x => x.Extensions.AddRange([((ExtensionType)0xfafa, []), ((ExtensionType)0xfafa, [])])), TlsErrorReason.DuplicateExtension),
        ["certificate only"] = (h => With(h.Set(ExtensionType.SignatureAlgorithms, 0, 2, 4, 3), x => x.Psks.Clear()), TlsErrorReason.NoPskOffered),
        ["neither PSK nor certificate"] = (h => With(h, x => x.Psks.Clear()), TlsErrorReason.MandatoryExtensionMissing),
        ["no modes"] = (h => h.Remove(ExtensionType.PskKeyExchangeModes), TlsErrorReason.PskKeyExchangeModesMissing),
        ["empty modes"] = (h => h.Set(ExtensionType.PskKeyExchangeModes, 0), TlsErrorReason.MalformedPskKeyExchangeModes),
        ["unknown mode"] = (h => h.Set(ExtensionType.PskKeyExchangeModes, 1, 0x1a), TlsErrorReason.NoCommonKeyExchangeMode),
        ["psk_ke only"] = (h => h.Set(ExtensionType.PskKeyExchangeModes, 1, 0), TlsErrorReason.NoCommonKeyExchangeMode),
        ["no groups"] = (h => h.Remove(ExtensionType.SupportedGroups), TlsErrorReason.SupportedGroupsMissing),
        ["no key share"] = (h => h.Remove(ExtensionType.KeyShare), TlsErrorReason.KeyShareMissing),
        ["neither groups nor key share"] = (h => h.Remove(ExtensionType.KeyShare).Remove(ExtensionType.SupportedGroups), TlsErrorReason.KeyShareMissing),
        ["empty groups"] = (h => h.Set(ExtensionType.SupportedGroups, 0, 0), TlsErrorReason.MalformedSupportedGroups),
        ["unknown groups"] = (h => h.Set(ExtensionType.SupportedGroups, 0, 2, 0, 0x18).Set(ExtensionType.KeyShare, 0, 0), TlsErrorReason.NoCommonGroup),
        ["share of another group"] = (h => h.Set(ExtensionType.SupportedGroups, 0, 2, 0, 0x1d), TlsErrorReason.KeyShareOfUnofferedGroup),
        ["two shares of a group"] = (h => h.Set(ExtensionType.KeyShare, [0, 138, .. h.Share(), .. h.Share()]), TlsErrorReason.DuplicateKeyShare),
        ["empty share"] = (h => h.Set(ExtensionType.KeyShare, 0, 4, 0, 0x17, 0, 0), TlsErrorReason.MalformedKeyShare),
        ["half a share"] = (h => h.Set(ExtensionType.KeyShare, 0, 5, 0, 0x17, 0, 65, 4), TlsErrorReason.MalformedKeyShare),
        ["record_size_limit 63"] = (h => h.Set(ExtensionType.RecordSizeLimit, 0, 63), TlsErrorReason.RecordSizeLimitTooSmall),
        ["record_size_limit of one byte"] = (h => h.Set(ExtensionType.RecordSizeLimit, 64), TlsErrorReason.MalformedRecordSizeLimit),
        ["early_data with content"] = (h => h.Set(ExtensionType.EarlyData, 1), TlsErrorReason.MalformedEarlyData),
        ["empty protocol name"] = (h => h.Set(ExtensionType.ApplicationLayerProtocolNegotiation, 0, 1, 0), TlsErrorReason.MalformedApplicationProtocols),
        ["no binders"] = (h => With(h, x => x.ChangeBinders = _ => []), TlsErrorReason.MalformedPreSharedKey),
        ["half a binder"] = (h => With(h, x => x.ChangeBinders = b => b[..^1]), TlsErrorReason.MalformedPreSharedKey),
        ["a binder too many"] = (h => With(h, x => x.ChangeBinders = b => [.. b, .. b]), TlsErrorReason.BinderCountMismatch),
        ["an identity without binder"] = (h => With(h, x => { x.Psks.Add(x.Psks[0]); x.ChangeBinders = b => b[..33]; }), TlsErrorReason.BinderCountMismatch),
        ["empty identity"] = (h => With(h, x => x.Psks[0] = ([], Link.Key, PskBinder.Imported, TlsHash.Sha256)), TlsErrorReason.MalformedPreSharedKey),
        ["PSK not last"] = (h => PskFirst(h), TlsErrorReason.PreSharedKeyNotLast),
    };

    [Theory]
    [MemberData(nameof(BeforeTheKey))]
    public void A_bad_hello_is_refused_before_any_key_is_looked_up(string what)
    {
        (Func<TestHello, TestHello> change, TlsErrorReason reason) = BadHellos[what];
        using var server = new TestServer();
        server.MustFail(change(TestHello.Good()).Record(), reason);
        Assert.False(server.WasAsked);
    }

    [Fact]
    public void The_hello_that_the_bad_ones_are_made_of_is_good()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good().Record());
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
        Assert.Equal(PskTlsStatus.NeedMoreData, server.End.Status);
    }

    [Theory]
    [InlineData(PskBinder.External, TlsHash.Sha256, 0)]
    [InlineData(PskBinder.Resumption, TlsHash.Sha256, 0)]
    [InlineData(PskBinder.Imported, TlsHash.Sha256, 1)]
    public void A_wrong_key_or_a_wrong_kind_of_key_is_a_decrypt_error(PskBinder binder, TlsHash hash, byte keyChange)
    {
        byte[] key = [.. Link.Key];
        key[0] ^= keyChange;
        using var server = new TestServer(answer: s => s.ProvidePsk(0, key, binder, hash));
        server.MustFail(TestHello.Good().Record(), TlsErrorReason.BinderMismatch);
        Assert.Equal(AlertDescription.DecryptError, server.Server.Error!.Alert);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(48)]
    public void A_binder_of_another_length_is_a_decrypt_error(int length)
    {
        using var server = new TestServer();
        TestHello hello = With(TestHello.Good(), h => h.ChangeBinders = b => [(byte)length, .. b[1..].Concat(new byte[64]).Take(length)]);
        server.MustFail(hello.Record(), TlsErrorReason.BinderMismatch);
    }

    [Fact]
    public void A_key_whose_hash_no_suite_has_is_a_handshake_failure()
    {
        using var server = new TestServer(answer: s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha384));
        server.MustFail(TestHello.Good().Record(), TlsErrorReason.NoCommonCipherSuite);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(48)]
    public void Unknown_identities_end_like_a_wrong_binder(int binderLength)
    {
        using var server = new TestServer(answer: s => s.RejectPsk());
        server.MustFail(With(TestHello.Good(), h => h.ChangeBinders = _ => [(byte)binderLength, .. new byte[binderLength]]).Record(), TlsErrorReason.NoUsablePsk);
        Assert.Equal(AlertDescription.DecryptError, server.Server.Error!.Alert);
    }

    [Fact]
    public void A_failed_lookup_is_an_internal_error()
    {
        using var server = new TestServer(answer: s => s.FailPsk());
        server.MustFail(TestHello.Good().Record(), TlsErrorReason.PskLookupFailed);
    }

    [Fact]
    public void A_share_off_the_curve_is_an_illegal_parameter()
    {
        using var server = new TestServer();
        server.MustFail(TestHello.Good().Set(ExtensionType.KeyShare, [0, 69, 0, 0x17, 0, 65, 4, .. new byte[64]]).Record(), TlsErrorReason.InvalidKeyShare);
    }

    [Fact]
    public void No_common_application_protocol_is_refused()
    {
        using var server = new TestServer(new PskTlsServerOptions { ApplicationProtocols = ["mqtt"u8.ToArray()] });
        server.MustFail(
            TestHello.Good().Set(ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, (byte)'h', (byte)'2').Record(), TlsErrorReason.NoCommonApplicationProtocol);
    }

    [Fact]
    public void Names_and_unknown_extensions_are_tolerated()
    {
        using var server = new TestServer();
        server.Deliver(TestHello.Good()
            .Set(ExtensionType.ServerName, [0, 12, 0, 0, 9, .. "127.0.0.1"u8])
            .Set((ExtensionType)0x0a0a)
            .Set((ExtensionType)1, 2)
            .Set(ExtensionType.Cookie, 0, 1, 9)
            .Set(ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, (byte)'h', (byte)'2').Record());
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsPskVerified);
    }

    [Fact]
    public void Only_the_first_four_identities_are_shown()
    {
        using var server = new TestServer(answer: s =>
        {
            Assert.Equal(4, s.PendingIdentityCount);
            Assert.Equal("id-3"u8.ToArray(), s.GetPendingIdentity(3).ToArray());
            Assert.Throws<ArgumentOutOfRangeException>(() => s.GetPendingIdentity(4).Length);
            Assert.Throws<ArgumentOutOfRangeException>(() => s.ProvidePsk(4, Link.Key, PskBinder.External, TlsHash.Sha256));
            s.ProvidePsk(3, Link.Key, PskBinder.External, TlsHash.Sha256);
        });
        TestHello hello = TestHello.Good();
        hello.Psks.Clear();
        for (int i = 0; i < 6; i++)
            hello.Psks.Add((System.Text.Encoding.ASCII.GetBytes($"id-{i}"), Link.Key, PskBinder.External, TlsHash.Sha256));
        server.Deliver(hello.Record());
        Assert.True(server.Server.IsPskVerified);
    }

    private static TestHello With(TestHello hello, Action<TestHello> change)
    {
        change(hello);
        return hello;
    }

    /// <summary>A pre_shared_key of the right form with another extension after it.</summary>
    private static TestHello PskFirst(TestHello hello)
    {
        hello.Psks.Clear();
        hello.Extensions.Insert(0, (ExtensionType.PreSharedKey, [0, 8, 0, 2, 65, 66, 0, 0, 0, 0, 0, 33, 32, .. new byte[32]]));
        return hello;
    }
}
