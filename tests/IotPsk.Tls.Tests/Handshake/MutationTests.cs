using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>Flights changed on the way, from fixed seeds: never an exception, never a connection with a changed handshake.</summary>
public class MutationTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_changed_byte_never_leads_to_a_connection(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            bool toServer = random.Next(2) == 0;
            int flight = random.Next(toServer ? 2 : 1);
            int seen = 0;
            bool matters = false;
            using var link = new Link(RandomOptions(random), new PskTlsServerOptions { AllowPskKe = true });
            link.Tamper = (direction, bytes) =>
            {
                if (direction != toServer || bytes.Length == 0 || seen++ != flight)
                    return bytes;
                int at = random.Next(bytes.Length);
                matters = !IsMinorVersionOfPlainRecord(bytes, at);
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            };
            link.Run();
            if (matters)
                Assert.False(link.Server.IsConnected, $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Cut_repeated_and_shuffled_flights_are_survived(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            using var link = new Link(RandomOptions(random), new PskTlsServerOptions { AllowPskKe = true });
            int turns = 0;
            link.Tamper = (_, bytes) => ++turns > 20 || bytes.Length == 0 ? [] : Mutate(bytes, random);
            link.Run();
            Assert.Equal(link.Server.Session is not null && link.Server.Error is null, link.Server.IsConnected);
        }
    }

    internal static byte[] Mutate(byte[] bytes, Random random)
    {
        int at = random.Next(bytes.Length);
        switch (random.Next(8))
        {
            case 0:
                return bytes[..at];
            case 1:
                return bytes[at..];
            case 2:
                return [.. bytes, .. bytes];
            case 3:
                byte[] noise = new byte[random.Next(1, 300)];
                random.NextBytes(noise);
                return [.. bytes[..at], .. noise, .. bytes[at..]];
            case 4:
                return TestRecord.Plain((byte)random.Next(19, 26), bytes[..Math.Min(at, 16000)]);
            case 5:
                return [.. TestRecord.Plain(20, 1), .. bytes];
            case 6:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            default:
                return bytes;
        }
    }

    private static PskTlsClientOptions RandomOptions(Random random) => new()
    {
        Credentials = [Link.Credential()],
        KeyShareGroups = random.Next(3) == 0 ? [] : [NamedGroup.X25519],
        KeyExchangeModes = random.Next(3) == 0 ? [PskKeyExchangeMode.PskKe] : [PskKeyExchangeMode.PskDheKe],
        MiddleboxCompatibility = random.Next(2) == 0,
        RecordSizeLimit = random.Next(2) == 0 ? 0 : 64,
    };

    /// <summary>legacy_record_version is ignored (RFC 8446 s5.1), and of plain records nothing authenticates it.</summary>
    internal static bool IsMinorVersionOfPlainRecord(byte[] wire, int at)
    {
        for (int i = 0; i < wire.Length;)
        {
            if (at == i + 2)
                return wire[i] != 23;
            i += 5 + (wire[i + 3] << 8) + wire[i + 4];
        }

        return false;
    }
}
