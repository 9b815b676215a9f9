using System.Text.Json;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Tests.Schedule;

public class ImportedPskVectorTests
{
    private static readonly CryptoProvider Crypto = CryptoProvider.Default;

    public static TheoryData<string> Names => [.. Vectors.Binders.Select(vector => vector.GetProperty("name").GetString()!)];

    [Fact]
    public void All_25_binders_are_here() => Assert.Equal(25, Names.Count);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_import_steps_are_those_of_RFC_9258(string name)
    {
        JsonElement vector = Vectors.Named(name);
        TlsHash hash = vector.EpskHash();
        byte[] extracted = new byte[hash.Length()];
        Crypto.Hmac(hash, new byte[hash.Length()], vector.Bytes("epsk"), default, extracted);
        Assert.Equal(vector.Bytes("epskx"), extracted);

        byte[] identityHash = new byte[hash.Length()];
        Crypto.HashData(hash, vector.Bytes("imported_identity"), identityHash);
        Assert.Equal(vector.Bytes("hash_imported_identity"), identityHash);

        byte[] imported = new byte[vector.TargetHash().Length()];
        HkdfLabel.Expand(Crypto, hash, IsDatagram(vector), extracted, "derived psk"u8, identityHash, imported);
        Assert.Equal(vector.Bytes("ipskx"), imported);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_binder_is_the_one_another_implementation_accepted(string name)
    {
        JsonElement vector = Vectors.Named(name);
        TlsHash hash = vector.TargetHash();
        using var schedule = new KeySchedule(Crypto, hash, IsDatagram(vector), vector.Bytes("ipskx"));
        Assert.Equal(vector.Bytes("early_secret"), schedule.Current);

        byte[] binderKey = new byte[hash.Length()];
        schedule.DeriveSecret(KeySchedule.BinderLabel(PskBinder.Imported), hash.Empty(), binderKey);
        Assert.Equal(vector.Bytes("binder_key"), binderKey);

        byte[] hello = vector.Bytes("client_hello");
        using TranscriptHash transcript = Crypto.CreateTranscript(hash);
        transcript.Append(vector.Bytes("transcript_prefix"));
        transcript.Append(hello.AsSpan(0, vector.GetProperty("truncated_client_hello_length").GetInt32()));
        byte[] transcriptHash = new byte[hash.Length()];
        transcript.Snapshot(transcriptHash);
        byte[] binder = new byte[hash.Length()];
        schedule.ComputeBinder(PskBinder.Imported, transcriptHash, binder);
        Assert.Equal(vector.Bytes("binder"), binder);

        schedule.ComputeBinder(PskBinder.External, transcriptHash, binder);
        Assert.NotEqual(vector.Bytes("binder"), binder);
    }

    /// <summary>Without those of DTLS, whose hello has a field more.</summary>
    public static TheoryData<string> TlsNames => [.. Vectors.Binders.Where(vector => !IsDatagram(vector)).Select(vector => vector.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(TlsNames))]
    public void The_hello_parses_to_the_identity_and_the_binder(string name)
    {
        JsonElement vector = Vectors.Named(name);
        byte[] message = vector.Bytes("client_hello");
        Assert.Equal(TlsErrorReason.None, ClientHello.Parse(message, out ClientHello hello));
        Assert.Equal(vector.GetProperty("truncated_client_hello_length").GetInt32(), hello.TruncatedLength);
        int index = vector.GetProperty("psk_index").GetInt32();
        Assert.Equal(vector.Bytes("imported_identity"), PreSharedKey.Identity(hello.Identities.Of(message), index));
        Assert.Equal(vector.Bytes("binder"), PreSharedKey.Binder(hello.Binders.Of(message), index));
        Assert.Equal(index, PreSharedKey.IndexOf(hello.Identities.Of(message), vector.Bytes("imported_identity")));
    }

    private static bool IsDatagram(JsonElement vector) => vector.GetProperty("hkdf_label_prefix").GetString() == "dtls13";
}
