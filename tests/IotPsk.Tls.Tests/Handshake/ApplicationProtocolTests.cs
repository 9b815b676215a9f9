using System.Text;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public sealed class ApplicationProtocolTests
{
    public static readonly TheoryData<TlsProtocol> Versions = [TlsProtocol.Tls13, TlsProtocol.Tls12];

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_server_that_does_not_insist_goes_on_without_a_protocol_with_who_offers_none_of_its_own(TlsProtocol version)
    {
        Assert.Equal("", Negotiated(version, required: false, "mqtt", "h2"));
        Assert.Equal("", Negotiated(version, required: false));
        Assert.Equal("", Negotiated(version, required: true));
        Assert.Equal("ours/1", Negotiated(version, required: false, "mqtt", "ours/1"));
        Assert.Equal("ours/1", Negotiated(version, required: true, "ours/1"));
        Assert.Equal("", Negotiated(version, required: false, "ours/1x", "ours/", "OURS/1"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_server_that_insists_refuses_who_offers_none_of_its_own(TlsProtocol version)
    {
        using Link link = Offer(version, required: true, "mqtt");
        link.Run();
        Assert.Equal(TlsErrorReason.NoCommonApplicationProtocol, link.Server.Error!.Reason);
        Assert.Equal(AlertDescription.NoApplicationProtocol, link.Client.Error!.Alert);
    }

    private static string Negotiated(TlsProtocol version, bool required, params string[] offered)
    {
        using Link link = Offer(version, required, offered);
        link.Connect();
        Assert.Equal(version, link.Server.Session!.Version);
        Assert.Equal(link.Server.Session.ApplicationProtocol, link.Client.Session!.ApplicationProtocol.ToArray());
        return Encoding.ASCII.GetString(link.Server.Session.ApplicationProtocol.Span);
    }

    private static Link Offer(TlsProtocol version, bool required, params string[] offered)
    {
        PskBinder binder = version == TlsProtocol.Tls13 ? PskBinder.Imported : PskBinder.External;
        return new Link(
            new PskTlsClientOptions
            {
                Versions = [version],
                Credentials = [Link.Credential(binder)],
                ApplicationProtocols = [.. offered.Select(name => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(name))],
            },
            new PskTlsServerOptions { ApplicationProtocols = ["ours/1"u8.ToArray()], RequireApplicationProtocol = required },
            server => server.ProvidePsk(0, Link.Key, binder, TlsHash.Sha256));
    }
}
