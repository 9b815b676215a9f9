using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

/// <summary>Made-up contents under the right keys, from fixed seeds: never an exception, never a fault of this side, and errors stay errors.</summary>
public class HostileRecordTests
{
    private static readonly byte[] HandshakeTypes = [0, 1, 2, 4, 5, 8, 11, 13, 20, 24, 254];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 30)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_connection_survives_or_ends_in_order(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 20; round++)
        {
            bool toServer = random.Next(2) == 0;
            using var link = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], RecordSizeLimit = random.Next(2) == 0 ? 200 : 16385, RecordPadding = random.Next(3) * 50 });
            link.Connect();
            (Wire sender, Wire receiver) = toServer ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
            for (int i = 0; i < 30 && receiver.Connection.Error is null; i++)
            {
                (byte type, byte[] content) = Made(random);
                receiver.Deliver(TestRecord.Protected(sender.Connection, type, content));
                if (type == 22 && content is [24, 0, 0, 1, 0 or 1] && receiver.Connection.Error is null)
                    sender.Connection.Records.WriteProtection!.Update();
            }

            if (receiver.Connection.Error is not { } error)
                continue;
            Assert.NotEqual(TlsErrorKind.LocalFault, error.Kind);
            Assert.Equal(PskTlsStatus.Closed, receiver.Connection.Read([], [], out _, out _));
            receiver.Deliver(TestRecord.Protected(sender.Connection, 23, 1));
            Assert.Same(error, receiver.Connection.Error);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_client_never_believes_a_made_up_flight(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 10; round++)
        {
            using var peer = new ScriptedServer(new PskTlsClientOptions
            {
                Credentials = [Link.Credential()],
                ServerName = "x",
                ApplicationProtocols = ["mqtt"u8.ToArray()],
            });
            peer.SendServerHello();
            for (int i = 0; i < 20 && peer.Client.Error is null; i++)
            {
                (byte type, byte[] content) = Made(random);
                peer.SendProtected(type, content);
            }

            Assert.False(peer.Client.IsConnected);
            Assert.Null(peer.Client.Session);
            Assert.NotEqual(TlsErrorKind.LocalFault, peer.Client.Error?.Kind);
        }
    }

    private static (byte Type, byte[] Content) Made(Random random)
    {
        byte[] noise = new byte[random.Next(0, 120)];
        random.NextBytes(noise);
        switch (random.Next(6))
        {
            case 0:
                return ((byte)random.Next(19, 26), noise);
            case 1:
                return (23, noise);
            case 2:
                return (21, [1, 90]);
            case 3:
                return (22, [24, 0, 0, 1, (byte)random.Next(2)]);
            default:
                byte[] message = [HandshakeTypes[random.Next(HandshakeTypes.Length)], 0, 0, (byte)(noise.Length + random.Next(-1, 2)), .. noise];
                return (22, message[..random.Next(1, message.Length + 1)]);
        }
    }
}
