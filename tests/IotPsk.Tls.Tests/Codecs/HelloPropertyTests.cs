using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Codecs;

public class HelloPropertyTests
{
    private static readonly byte[] GoodHello = TestHello.Good().Set(ExtensionType.RecordSizeLimit, 2, 0).Set(ExtensionType.EarlyData).Message();

    [Fact]
    public void Random_bytes_never_break_a_parser() => Prop.ForAll<byte[]>(bytes =>
    {
        byte[] message = [1, 0, 0, 0, .. bytes];
        var options = new PskTlsClientOptions { Credentials = [Link.Credential()], ServerName = "x", ApplicationProtocols = ["y"u8.ToArray()] };
        ClientHello.Parse(message, out _);
        ServerHello.Parse(message, out _);
        EncryptedExtensions.Parse(message, options, out _);
        NewSessionTicket.Parse(bytes, out _);
        SupportedVersions.Parse(bytes, out _, out _);
        SupportedGroups.Parse(bytes, out _);
        PskKeyExchangeModes.Parse(bytes, out _, out _);
        KeyShare.Parse(bytes, out _);
        KeyShare.ParseServerShare(bytes, out _, out _);
        KeyShare.ParseSelectedGroup(bytes, out _);
        PreSharedKey.Parse(bytes, out _, out _, out _);
        PreSharedKey.ParseSelectedIdentity(bytes, out _);
        RecordSizeLimit.Parse(bytes, out _);
        ApplicationProtocols.Parse(bytes, out _);
        ApplicationProtocols.ParseSelection(bytes, out _);
        Cookie.Check(bytes);
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_changed_hello_is_parsed_or_refused_and_its_parts_lie_inside() => Prop.ForAll<PositiveInt, PositiveInt, ushort>((at, at2, values) =>
    {
        byte[] message = [.. GoodHello];
        message[4 + (at.Get % (message.Length - 4))] = (byte)values;
        message[4 + (at2.Get % (message.Length - 4))] = (byte)(values >> 8);
        if (ClientHello.Parse(message, out ClientHello hello) != TlsErrorReason.None)
            return true;
        return ((Slice[])[hello.Random, hello.SessionId, hello.CipherSuites, hello.Groups, hello.KeyShares, hello.Identities, hello.Binders, hello.ApplicationProtocols])
            .All(slice => slice.Offset >= 0 && slice.Length >= 0 && slice.Offset + slice.Length <= message.Length);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_shorter_hello_is_refused()
    {
        for (int length = 4; length < GoodHello.Length; length++)
        {
            TlsErrorReason error = ClientHello.Parse(GoodHello.AsSpan(0, length), out ClientHello hello);

            // A hello of TLS 1.2 may end before the extensions.
            Assert.True(error != TlsErrorReason.None || !hello.OffersTls13, $"{length} bytes");
        }
    }

    [Trait(Needs.Name, Needs.LibCrypto)]
    [Fact]
    public void A_clients_hello_says_what_its_options_say() => Prop.ForAll<byte, byte[][]>((bits, names) =>
    {
        PskBinder binder = (PskBinder)(bits % 3);
        TlsHash hash = (bits & 4) == 0 ? TlsHash.Sha256 : TlsHash.Sha384;
        byte[][] identities = [.. names.Where(name => name.Length > 0).Append("last"u8.ToArray())];
        int limit = (bits & 8) == 0 ? 0 : 64 + bits;
        using var client = new PskTlsClient(new PskTlsClientOptions
        {
            Credentials = [.. identities.Select(name => new PskTlsCredential(name, Link.Key, binder, hash))],
            KeyShareGroups = (bits & 16) == 0 ? [] : [NamedGroup.X25519, NamedGroup.Secp256r1],
            KeyExchangeModes = (bits & 32) == 0 ? [PskKeyExchangeMode.PskDheKe] : [PskKeyExchangeMode.PskDheKe, PskKeyExchangeMode.PskKe],
            RecordSizeLimit = limit,
            MiddleboxCompatibility = (bits & 64) != 0,
        });
        byte[] message = new Wire(client).Deliver([])[5..];
        if (ClientHello.Parse(message, out ClientHello hello) != TlsErrorReason.None)
            return false;
        bool same = hello.OffersTls13 && hello.OffersPskDheKe && hello.OffersPskKe == ((bits & 32) != 0) && hello.RecordSizeLimit == limit &&
            hello.IdentityCount == identities.Length && hello.SessionId.Length == ((bits & 64) != 0 ? 32 : 0) &&
            KeyShare.Find(hello.KeyShares.Of(message), NamedGroup.X25519).IsEmpty == ((bits & 16) == 0);
        for (int i = 0; i < identities.Length && same; i++)
            same = PreSharedKey.Identity(hello.Identities.Of(message), i).SequenceEqual(identities[i]);
        return same;
    }).QuickCheckThrowOnFailure();
}
