using System.Diagnostics;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Crypto.BaseLibrary;
using IotPsk.Tls.Crypto.OpenSsl;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Crypto;

public class FallbackTests
{
    [Fact]
    public void The_base_library_serves_where_libcrypto_is_missing()
    {
        Assert.IsType<BaseLibraryProvider>(CryptoSelection.Select(isLibCryptoAvailable: false));
        if (Environment.GetEnvironmentVariable(CryptoSelection.Variable) is null)
        {
            Assert.IsType<OpenSslProvider>(CryptoSelection.Select(isLibCryptoAvailable: true));

            // The provider of the process is chosen before the switch is turned for a moment.
            Assert.NotNull(CryptoProvider.Default);
            AppContext.SetSwitch(CryptoSelection.Switch, true);
            Assert.IsType<BaseLibraryProvider>(CryptoSelection.Select(isLibCryptoAvailable: true));
            AppContext.SetSwitch(CryptoSelection.Switch, false);
        }
        else
        {
            Assert.IsType<BaseLibraryProvider>(CryptoProvider.Default);
        }
    }

    public static TheoryData<CipherSuite, bool> Mixed
    {
        get
        {
            var data = new TheoryData<CipherSuite, bool>();
            foreach (CipherSuite suite in Suites.Tls13)
            {
                data.Add(suite, true);
                data.Add(suite, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Mixed))]
    public void The_two_libraries_understand_each_other(CipherSuite suite, bool clientIsBase)
    {
        TlsHash hash = suite == CipherSuite.TLS_AES_256_GCM_SHA384 ? TlsHash.Sha384 : TlsHash.Sha256;
        using var owner = new TicketServer { Hash = hash };
        var options = new PskTlsClientOptions { Credentials = [Link.Credential(hash: hash)], CipherSuites = [suite], ServerName = "gw.example" };
        CryptoProvider first = clientIsBase ? new BaseLibraryProvider() : OpenSslProvider.Create();
        CryptoProvider second = clientIsBase ? OpenSslProvider.Create() : new BaseLibraryProvider();
        using var link = new Link(new PskTlsClient(options, first), new PskTlsServer(owner.Options(), second), owner.Answer);
        link.Connect();
        link.Exchange(20_000);
        Assert.Equal((suite, NamedGroup.Secp256r1), (link.Server.Session!.CipherSuite, link.Server.Session.Group));
        Assert.True(link.Client.TryTakeTicket(out PskTlsTicket? ticket));

        // A ticket that one library sealed the other opens.
        var again = new PskTlsClientOptions { Credentials = [ticket.ToCredential(0)], CipherSuites = [suite] };
        using var resumed = new Link(new PskTlsClient(again, second), new PskTlsServer(owner.Options(), first), owner.Answer);
        resumed.Connect();
        resumed.Client.UpdateKeys(requestPeer: true);
        resumed.Exchange(1000);
        Assert.Equal(PskBinder.Resumption, resumed.Server.Session!.Binder);
    }

    public static TheoryData<CipherSuite, bool> MixedTls12
    {
        get
        {
            var data = new TheoryData<CipherSuite, bool>();
            foreach (CipherSuite suite in Suites.Tls12)
            {
                data.Add(suite, true);
                data.Add(suite, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(MixedTls12))]
    public void The_two_libraries_understand_each_other_in_TLS_12(CipherSuite suite, bool clientIsBase)
    {
        CryptoProvider first = clientIsBase ? new BaseLibraryProvider() : OpenSslProvider.Create();
        CryptoProvider second = clientIsBase ? OpenSslProvider.Create() : new BaseLibraryProvider();
        using var link = new Link(new PskTlsClient(Suites.Client(suite), first), new PskTlsServer(new PskTlsServerOptions(), second), Tls12Link.Provide);
        link.Connect();
        link.Exchange(20_000);
        Assert.Equal(suite, link.Server.Session!.CipherSuite);
    }

    [Fact]
    public void A_group_that_the_library_has_not_is_neither_offered_nor_accepted()
    {
        using var client = new PskTlsClient(Link.ClientOptions(), new BaseLibraryProvider());
        byte[] hello = new Wire(client).Deliver([])[5..];
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(hello, out ClientHello fields));
        Assert.Equal([0, 0x17], fields.Groups.Of(hello).ToArray());

        var onlyX25519 = new PskTlsClientOptions { Credentials = [Link.Credential()], Groups = [NamedGroup.X25519] };
        Assert.Throws<ArgumentException>(() => new PskTlsClient(onlyX25519, new BaseLibraryProvider()));
        using var link = new Link(
            new PskTlsClient(onlyX25519, OpenSslProvider.Create()), new PskTlsServer(new PskTlsServerOptions(), new BaseLibraryProvider()),
            s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha256));
        link.Run();
        Assert.Equal(TlsErrorReason.NoCommonGroup, link.Server.Error?.Reason);
    }

    [Fact]
    public void A_suite_that_the_library_has_not_is_neither_offered_nor_accepted()
    {
        var options = new PskTlsClientOptions { Credentials = [Link.Credential()], CipherSuites = [CipherSuite.TLS_AES_128_CCM_SHA256, CipherSuite.TLS_AES_128_GCM_SHA256] };
        using (var link = new Link(new PskTlsClient(options), new PskTlsServer(new PskTlsServerOptions { CipherSuites = options.CipherSuites }, new WithoutCcm()), Link.Provide))
        {
            link.Connect();
            Assert.Equal(CipherSuite.TLS_AES_128_GCM_SHA256, link.Server.Session!.CipherSuite);
        }

        using var client = new PskTlsClient(options, new WithoutCcm());
        byte[] hello = new Wire(client).Deliver([])[5..];
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(hello, out ClientHello fields));
        Assert.Equal([0x13, 0x01], fields.CipherSuites.Of(hello).ToArray());
    }

    /// <summary>All tests of this assembly once more, but those that need what only libcrypto has.</summary>
    [Fact]
    [Trait(Needs.Name, Needs.LibCrypto)]
    public async Task The_same_tests_pass_on_the_base_library()
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["test", typeof(FallbackTests).Assembly.Location, "--filter", $"{Needs.Name}!={Needs.LibCrypto}"])
            start.ArgumentList.Add(argument);
        start.Environment[CryptoSelection.Variable] = "base";
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains("Passed!", output, StringComparison.Ordinal);
    }

    private sealed class WithoutCcm : ForwardingCrypto
    {
        public override bool Supports(AeadAlgorithm algorithm) => algorithm is not (AeadAlgorithm.Aes128Ccm or AeadAlgorithm.Aes128Ccm8);
    }
}
