using System.Text.Json;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Tests.Schedule;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>A recorded session of another implementation (Vectors/per-session-psk.json): transcript, secrets, Finished and records, byte for byte.</summary>
public class DtlsKnownAnswerTests
{
    private static readonly JsonElement Trace = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "per-session-psk.json"))).RootElement.GetProperty("dtls12_trace");

    [Fact]
    public void Transcript_master_secret_and_Finished_are_those_of_the_trace()
    {
        using Tls12Handshake handshake = Handshake();
        Assert.Equal(Trace.Bytes("master_secret"), handshake.Master!.Bytes.ToArray());
        foreach (bool ofClient in (bool[])[true, false])
        {
            byte[] finished = Record(ofClient ? 0 : 1).Plain, expected = new byte[12];
            handshake.ComputeFinished(ofClient, expected);
            Assert.Equal(expected, finished[12..]);
            AppendWire(handshake, finished);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Records_of_the_trace_are_opened(int index)
    {
        (bool ofClient, ContentType type, byte[] plain, byte[] fragment, byte[] number) = Record(index);
        using Tls12Handshake handshake = Handshake();
        using DtlsAssociation receiver = DtlsAssociation.Create(handshake, isServer: ofClient, [], []);
        byte[] record = [(byte)type, 0xfe, 0xfd, .. number, 0, (byte)fragment.Length, .. fragment];
        Assert.True(DtlsRecord.TryRead(record, 0, out DtlsRecord parsed));
        byte[] opened = new byte[200];

        // The explicit nonce is the sender's choice: here it is random, not the number.
        Assert.Equal(OpenStatus.Opened, receiver.Open(parsed, opened, out ContentType openedType, out int openedLength, out bool newest));
        Assert.Equal((type, true), (openedType, newest));
        Assert.Equal(plain, opened[..openedLength]);
        Assert.Equal(OpenStatus.Dropped, receiver.Open(parsed, opened, out _, out _, out _));
    }

    private static Tls12Handshake Handshake()
    {
        Assert.True(Tls12Suite.TryGet(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, out Tls12Suite? suite));
        var handshake = new Tls12Handshake(CryptoProvider.Default, suite) { Protocol = TlsProtocol.Dtls12, ExtendedMasterSecret = true };
        Trace.Bytes("client_random32").CopyTo(handshake.ClientRandom);
        Trace.Bytes("server_random32").CopyTo(handshake.ServerRandom);
        foreach (JsonElement message in Trace.GetProperty("handshake_messages").EnumerateArray())
            AppendWire(handshake, Convert.FromHexString(message.GetString()!));
        handshake.DeriveMaster(Trace.Bytes("session_psk"), default);
        return handshake;
    }

    private static void AppendWire(Tls12Handshake handshake, byte[] message)
    {
        Assert.True(FragmentHeader.TryRead(message, out FragmentHeader header));
        DtlsTranscript.Append(handshake.Transcript, [.. message[..HandshakeMessage.HeaderLength], .. message[FragmentHeader.Size..]], header.Sequence);
    }

    private static (bool OfClient, ContentType Type, byte[] Plain, byte[] Fragment, byte[] Number) Record(int index)
    {
        JsonElement record = Trace.GetProperty("records")[index];
        return (record[0].GetString() == "client", (ContentType)record[1].GetByte(), Hex(2), Hex(3), Hex(4));

        byte[] Hex(int field) => Convert.FromHexString(record[field].GetString()!);
    }
}
