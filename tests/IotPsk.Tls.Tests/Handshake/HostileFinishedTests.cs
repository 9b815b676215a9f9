using IotPsk.Tls.Extensions;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

/// <summary>What a client may send between the server's flight and its own Finished.</summary>
public class HostileFinishedTests
{
    public static TheoryData<string> Cases => [.. BadRecords.Keys];

    internal static Dictionary<string, (Func<ScriptedClient, byte[]> Records, TlsErrorReason Reason)> BadRecords => new()
    {
        ["wrong Finished"] = (c => c.Protect(22, Flip(c.Finished())), TlsErrorReason.FinishedMismatch),
        ["short Finished"] = (c => c.Protect(22, 20, 0, 0, 1, 0), TlsErrorReason.MalformedFinished),
        ["empty Finished"] = (c => c.Protect(22, 20, 0, 0, 0), TlsErrorReason.MalformedFinished),
        ["Finished of SHA-384"] = (c => c.Protect(22, [20, 0, 0, 48, .. new byte[48]]), TlsErrorReason.MalformedFinished),
        ["long Finished"] = (c => c.Protect(22, [20, 0, 0, 49, .. new byte[49]]), TlsErrorReason.HandshakeMessageTooLarge),
        ["byte after Finished"] = (c => c.Protect(22, [.. c.Finished(), 0]), TlsErrorReason.ExcessHandshakeData),
        ["KeyUpdate"] = (c => c.Protect(22, 24, 0, 0, 1, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["ClientHello"] = (c => c.Protect(22, TestHello.Good().Message()), TlsErrorReason.UnexpectedHandshakeMessage),
        ["EndOfEarlyData"] = (c => c.Protect(22, 5, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["Certificate"] = (c => c.Protect(22, 11, 0, 0, 4, 0, 0, 0, 0), TlsErrorReason.UnexpectedHandshakeMessage),
        ["data"] = (c => c.Protect(23, 1, 2, 3), TlsErrorReason.UnexpectedRecordType),
        ["empty data"] = (c => c.Protect(23), TlsErrorReason.UnexpectedRecordType),
        ["plain alert after a protected record"] = (c => [.. c.Protect(22, 20), .. TestRecord.Plain(21, 2, 40)], TlsErrorReason.UnexpectedRecordType),
        ["change_cipher_spec inside Finished"] = (c => [.. c.Protect(22, 20), .. TestRecord.Plain(20, 1)], TlsErrorReason.InterleavedHandshake),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_bad_record_before_Finished_ends_the_connection(string what)
    {
        (Func<ScriptedClient, byte[]> records, TlsErrorReason reason) = BadRecords[what];
        using var server = new TestServer();
        using var client = new ScriptedClient(server, TestHello.Good());
        byte[] output = server.Deliver(records(client));
        Assert.Equal(reason, server.Server.Error?.Reason);
        Assert.Null(server.Server.Session);

        // The alert is protected: a record of 5 + 2 + 1 + 16 bytes.
        Assert.Equal(24, output.Length);
        Assert.Equal(23, output[0]);
        Assert.Equal(PskTlsStatus.Closed, server.End.Status);
    }

    [Fact]
    public void The_right_Finished_connects_even_byte_by_byte()
    {
        using var server = new TestServer();
        using var client = new ScriptedClient(server, TestHello.Good());
        foreach (byte part in client.Finished())
        {
            Assert.False(server.Server.IsConnected);
            server.Deliver(client.Protect(22, part));
        }

        Assert.True(server.Server.IsConnected);
    }

    [Fact]
    public void Early_data_before_Finished_is_skipped()
    {
        using var server = new TestServer();
        using var client = new ScriptedClient(server, TestHello.Good().Set(ExtensionType.EarlyData));
        server.Deliver([.. TestRecord.Plain(23, new byte[100]), .. TestRecord.Plain(20, 1), .. TestRecord.Plain(23, new byte[10_000]), .. client.Protect(22, client.Finished())]);
        Assert.Null(server.Server.Error);
        Assert.True(server.Server.IsConnected);

        // The second flight has begun: what does not open now is an attack.
        server.Deliver(TestRecord.Plain(23, new byte[100]));
        Assert.Equal(TlsErrorReason.BadRecordMac, server.Server.Error?.Reason);
    }

    [Fact]
    public void Early_data_is_not_held_to_the_limit_that_came_after_it_but_the_second_flight_is()
    {
        using var server = new TestServer(new PskTlsServerOptions { RecordSizeLimit = 64 });
        using var client = new ScriptedClient(server, TestHello.Good().Set(ExtensionType.EarlyData).Set(ExtensionType.RecordSizeLimit, 2, 0));
        server.Deliver(TestRecord.Plain(23, new byte[1000]));
        Assert.Null(server.Server.Error);
        server.Deliver(client.Protect(22, [.. client.Finished(), .. new byte[100]]));
        Assert.Equal(TlsErrorReason.RecordTooLarge, server.Server.Error?.Reason);
    }

    [Fact]
    public void A_protected_alert_and_a_user_cancel_are_understood()
    {
        using var server = new TestServer();
        using var client = new ScriptedClient(server, TestHello.Good());
        Assert.Empty(server.Deliver([.. client.Protect(21, 1, 90), .. client.Protect(21, 1, 0)]));
        Assert.Equal(TlsErrorReason.ClosedDuringHandshake, server.Server.Error?.Reason);
    }

    private static byte[] Flip(byte[] message)
    {
        message[^1] ^= 1;
        return message;
    }
}
