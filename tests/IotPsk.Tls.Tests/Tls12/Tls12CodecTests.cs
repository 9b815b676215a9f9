using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Support;
using IotPsk.Tls.Tls12;
using IotPsk.Tls.Tls12.Messages;

namespace IotPsk.Tls.Tests.Tls12;

public class Tls12CodecTests
{
    [Fact]
    public void Random_bytes_never_break_a_parser() => Prop.ForAll<byte[]>(bytes =>
    {
        byte[] message = [2, 0, 0, 0, .. bytes];
        Tls12ServerHello.IsOlder(message);
        Tls12ServerHello.Parse(message, Tls12Link.ClientOptions, out _);
        ServerKeyExchange.Parse(bytes, ecdhe: true, out _);
        ServerKeyExchange.Parse(bytes, ecdhe: false, out _);
        ClientKeyExchange.Parse(bytes, ecdhe: true, out _);
        ClientKeyExchange.Parse(bytes, ecdhe: false, out _);
        RenegotiationInfo.Check(bytes);
        EcPointFormats.Check(bytes);
        MaxFragmentLength.Parse(bytes, out _);
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Cut_and_changed_hellos_never_break_the_parser()
    {
        byte[] hello = ScriptedTls12Server.Hello(extensions: [0, 11, 0, 2, 1, 0, 0, 28, 0, 2, 2, 0]);
        Prop.ForAll<int, byte>((at, value) =>
        {
            byte[] changed = [.. hello];
            changed[(int)((uint)at % hello.Length)] = value;
            Tls12ServerHello.Parse(changed, Tls12Link.ClientOptions, out _);
            int length = (int)((uint)at % hello.Length);
            if (length > 4)
                Assert.NotEqual(TlsErrorReason.None, Tls12ServerHello.Parse(hello.AsSpan(0, Math.Min(length, 41)), Tls12Link.ClientOptions, out _));
            return true;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Key_exchange_messages_come_back_as_they_were_written() => Prop.ForAll<byte[], bool>((text, ecdhe) =>
    {
        using KeyAgreement? key = ecdhe ? CryptoProvider.Default.CreateKeyAgreement(NamedGroup.Secp256r1) : null;
        byte[] point = new byte[ecdhe ? 65 : 0];
        key?.WritePublicKey(point);
        byte[] buffer = new byte[text.Length + 100];
        var client = new WireWriter(buffer);
        ClientKeyExchange.Write(ref client, text, key);
        bool good = ClientKeyExchange.Parse(client.Written[4..], ecdhe, out ClientKeyExchange clientSide) == TlsErrorReason.None &&
            clientSide.Identity.SequenceEqual(text) && clientSide.Point.SequenceEqual(point);
        var server = new WireWriter(buffer);
        ServerKeyExchange.Write(ref server, text, key);
        return good && ServerKeyExchange.Parse(server.Written[4..], ecdhe, out ServerKeyExchange serverSide) == TlsErrorReason.None &&
            serverSide.IdentityHint.SequenceEqual(text) && serverSide.Point.SequenceEqual(point) && serverSide.Group == (ecdhe ? NamedGroup.Secp256r1 : NamedGroup.None);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_sealed_opens_and_nothing_else() => Prop.ForAll<byte[], int, int>((content, which, at) =>
    {
        Assert.True(Tls12Suite.TryGet(Suites.Tls12.ElementAt((int)((uint)which % 8)), out Tls12Suite? suite));
        using var write = new Tls12Protection(CryptoProvider.Default, suite, new byte[suite.KeyLength], new byte[suite.FixedIvLength]);
        using var read = new Tls12Protection(CryptoProvider.Default, suite, new byte[suite.KeyLength], new byte[suite.FixedIvLength]);
        byte[] record = new byte[content.Length + write.Overhead];
        Assert.Equal(record.Length, write.Seal(ContentType.Handshake, content, record));
        byte[] plaintext = new byte[content.Length];
        Assert.True(read.TryOpen(record, plaintext));
        Assert.Equal(content, plaintext);

        // Any change is seen, the length field apart, which says where the record ends.
        int place = (int)((uint)at % record.Length);
        if (place is 3 or 4)
            return true;
        record[place] ^= 1;
        read.Sequence = 0;
        return !read.TryOpen(record, plaintext);
    }).QuickCheckThrowOnFailure();
}
