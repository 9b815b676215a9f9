using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>
/// Hellos whose parts were changed while their binders are right, from fixed seeds: what is behind the binder check sees them too.
/// Never a foreign exception, never a fault of this side, and never a connection, because no Finished comes.
/// </summary>
public class StructureMutationTests
{
    private static readonly ExtensionType[] Known = [.. Enum.GetValues<ExtensionType>().Where(type => type != ExtensionType.PreSharedKey)];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 30)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_hello_of_changed_parts_is_answered_or_refused_in_order(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            using var server = new TestServer(new PskTlsServerOptions { AllowPskKe = true });
            TestHello hello = Changed(random);
            byte[] first = hello.Message();
            byte[] answer = server.Deliver(Pieces(first, random));
            // A HelloRetryRequest is plain and the first record of the answer; the second hello is changed once more.
            if (server.Server.Error is null && answer is [22, 3, 3, _, _, 2, ..] && random.Next(2) == 0)
                server.Deliver(Pieces(Changed(random).Message(TranscriptOf(first), answer[5..]), random));
            Assert.False(server.Server.IsConnected, $"seed {seed}, round {round}");
            Assert.NotEqual(TlsErrorKind.LocalFault, server.Server.Error?.Kind);
            Assert.NotEqual(TlsErrorKind.ApiMisuse, server.Server.Error?.Kind);
        }
    }

    // Whatever stands in its place: a synthetic message of the first hello (RFC 8446 s4.4.1) would need the hash that was selected.
    private static byte[] TranscriptOf(byte[] hello) => [254, 0, 0, 32, .. System.Security.Cryptography.SHA256.HashData(hello)];

    private static TestHello Changed(Random random)
    {
        TestHello hello = TestHello.Good();
        for (int i = random.Next(1, 4); i > 0; i--)
            Change(hello, random);
        return hello;
    }

    private static void Change(TestHello hello, Random random)
    {
        List<(ExtensionType Type, byte[] Data)> extensions = hello.Extensions;
        int at = random.Next(extensions.Count + 1);
        switch (random.Next(13))
        {
            case 0 when at < extensions.Count: extensions.RemoveAt(at); break;
            case 1 when at < extensions.Count: extensions.Add(extensions[at]); break;
            case 2 when at < extensions.Count: extensions[at] = (extensions[at].Type, Bent(extensions[at].Data, random)); break;
            case 3: extensions.Insert(at, (Known[random.Next(Known.Length)], Noise(random, 40))); break;
            case 4: extensions.Insert(at, ((ExtensionType)random.Next(65536), Noise(random, 300))); break;
            case 5: hello.CipherSuites = [0x13, (byte)random.Next(8), .. Noise(random, 9)]; break;
            case 6: hello.SessionId = Noise(random, 40); break;
            case 7: hello.Compression = Noise(random, 4); break;
            case 8: hello.LegacyVersion = (ushort)random.Next(0x0300, 0x0306); break;
            case 9: hello.Trailer = Noise(random, 3); break;
            case 10:
                // Asked twice, for the size and for the binders: both times the same change.
                int change = random.Next();
                hello.ChangeBinders = binders => Bent(binders, new Random(change));
                break;
            case 11: hello.Psks.Insert(random.Next(hello.Psks.Count + 1), (Noise(random, 70), Link.Key, PskBinder.External, TlsHash.Sha256)); break;
            default: extensions.Reverse(); break;
        }
    }

    private static byte[] Bent(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        switch (random.Next(4))
        {
            case 0 when changed.Length > 0:
                changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                return changed[..random.Next(changed.Length + 1)];
            case 2:
                return [.. changed, .. Noise(random, 5)];
            default:
                random.NextBytes(changed);
                return changed;
        }
    }

    private static byte[] Noise(Random random, int most)
    {
        byte[] noise = new byte[random.Next(most + 1)];
        random.NextBytes(noise);
        return noise;
    }

    // The message in one record or in several.
    private static byte[] Pieces(byte[] message, Random random)
    {
        var records = new List<byte>();
        for (int at = 0; at < message.Length;)
        {
            int length = Math.Min(message.Length - at, random.Next(3) == 0 ? random.Next(1, 200) : 16384);
            records.AddRange(TestRecord.Plain(22, message[at..(at + length)]));
            at += length;
        }
        return [.. records];
    }
}
