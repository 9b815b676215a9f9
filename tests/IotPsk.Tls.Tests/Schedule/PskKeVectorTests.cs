using System.Text.Json;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Tests.Schedule;

/// <summary>Without (EC)DHE every secret follows from the key: a whole handshake of two other ends.</summary>
public class PskKeVectorTests
{
    private static readonly CryptoProvider Crypto = CryptoProvider.Default;
    private static readonly JsonElement Vector = Vectors.PskKe;

    [Fact]
    public void Every_secret_of_the_handshake_follows_from_the_key()
    {
        using var schedule = new KeySchedule(Crypto, TlsHash.Sha256, datagram: false, Vector.Bytes("ipskx"));
        using TranscriptHash transcript = Crypto.CreateTranscript(TlsHash.Sha256);
        byte[] hash = new byte[32];
        byte[] secret = new byte[32];
        Assert.Equal(Vector.Bytes("early_secret"), schedule.Current);

        schedule.MixSharedSecret(default);
        Assert.Equal(Vector.Bytes("handshake_secret"), schedule.Current);
        transcript.Append(Vector.Bytes("client_hello"));
        transcript.Append(Vector.Bytes("server_hello"));
        transcript.Snapshot(hash);
        schedule.DeriveSecret("c hs traffic"u8, hash, secret);
        Assert.Equal(Vector.Bytes("client_handshake_traffic_secret"), secret);
        schedule.DeriveSecret("s hs traffic"u8, hash, secret);
        Assert.Equal(Vector.Bytes("server_handshake_traffic_secret"), secret);

        transcript.Append(Vector.Bytes("encrypted_extensions"));
        transcript.Snapshot(hash);
        schedule.ComputeFinished(Vector.Bytes("server_handshake_traffic_secret"), hash, secret);
        Assert.Equal(Vector.Bytes("server_finished")[4..], secret);

        transcript.Append(Vector.Bytes("server_finished"));
        transcript.Snapshot(hash);
        schedule.ComputeFinished(Vector.Bytes("client_handshake_traffic_secret"), hash, secret);
        Assert.Equal(Vector.Bytes("client_finished")[4..], secret);

        schedule.Finish();
        Assert.Equal(Vector.Bytes("master_secret"), schedule.Current);
        schedule.DeriveSecret("c ap traffic"u8, hash, secret);
        Assert.Equal(Vector.Bytes("client_application_traffic_secret_0"), secret);
        schedule.DeriveSecret("s ap traffic"u8, hash, secret);
        Assert.Equal(Vector.Bytes("server_application_traffic_secret_0"), secret);
        schedule.DeriveSecret("exp master"u8, hash, secret);
        Assert.Equal(Vector.Bytes("exporter_master_secret"), secret);

        transcript.Append(Vector.Bytes("client_finished"));
        transcript.Snapshot(hash);
        schedule.DeriveSecret("res master"u8, hash, secret);
        Assert.Equal(Vector.Bytes("resumption_master_secret"), secret);
    }

    [Fact]
    public void Steps_out_of_order_are_refused()
    {
        using var schedule = new KeySchedule(Crypto, TlsHash.Sha256, datagram: false, Vector.Bytes("ipskx"));
        Assert.Throws<InvalidOperationException>(schedule.Finish);
        schedule.MixSharedSecret(default);
        Assert.Throws<InvalidOperationException>(() => schedule.MixSharedSecret(default));
        Assert.Throws<InvalidOperationException>(() => schedule.ComputeBinder(PskBinder.External, new byte[32], new byte[32]));
    }
}
