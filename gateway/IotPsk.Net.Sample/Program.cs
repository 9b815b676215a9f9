// A web service whose clients have a pre-shared key instead of a certificate. Try it:
//   iotpsk-net-sample 8443 &
//   printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:8443 -psk_identity sample -psk 000102030405060708090a0b0c0d0e0f
using System.Globalization;
using System.Net;
using IotPsk.Net;

int port = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8443;
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseTlsPsk(tls =>
    tls.FindKey = (identity, _, _) => ValueTask.FromResult(identity.Span.SequenceEqual("sample"u8)
        ? new TlsPskKey(Convert.FromHexString("000102030405060708090a0b0c0d0e0f"))
        : null))));
WebApplication app = builder.Build();
app.MapGet("/", (HttpContext context) =>
{
    ITlsPskFeature peer = context.Features.Get<ITlsPskFeature>()!;
    return $"Hello {System.Text.Encoding.UTF8.GetString(peer.Identity.Span)}, by {peer.Session.Version} and {peer.Session.CipherSuite}\n";
});
app.Run();
