using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A ClientHello of which every part can be wrong, with binders that are right unless they are changed.</summary>
internal sealed class TestHello
{
    public ushort LegacyVersion { get; set; } = 0x0303;

    public byte[] Random { get; set; } = [.. Enumerable.Repeat((byte)7, 32)];

    public byte[] SessionId { get; set; } = [];

    public byte[] CipherSuites { get; set; } = [0x13, 0x01];

    public byte[] Compression { get; set; } = [0];

    /// <summary>Everything before pre_shared_key.</summary>
    public List<(ExtensionType Type, byte[] Data)> Extensions { get; } = [];

    public List<(byte[] Identity, byte[] Key, PskBinder Binder, TlsHash Hash)> Psks { get; } = [(Link.Identity, Link.Key, PskBinder.Imported, TlsHash.Sha256)];

    /// <summary>Changes the list of binders (without its length).</summary>
    public Func<byte[], byte[]> ChangeBinders { get; set; } = binders => binders;

    /// <summary>Bytes after the extensions.</summary>
    public byte[] Trailer { get; set; } = [];

    public KeyAgreement Key { get; } = CryptoProvider.Default.CreateKeyAgreement(NamedGroup.Secp256r1);

    /// <summary>A good hello: TLS 1.3, psk_dhe_ke, a share of secp256r1.</summary>
    public static TestHello Good()
    {
        var hello = new TestHello();
        hello.Set(ExtensionType.SupportedVersions, 2, 3, 4);
        hello.Set(ExtensionType.PskKeyExchangeModes, 1, 1);
        hello.Set(ExtensionType.SupportedGroups, 0, 2, 0, 0x17);
        hello.Set(ExtensionType.KeyShare, [0, 69, .. hello.Share()]);
        return hello;
    }

    public byte[] Share()
    {
        byte[] share = new byte[65];
        Key.WritePublicKey(share);
        return [0, 0x17, 0, 65, .. share];
    }

    public TestHello Set(ExtensionType type, params byte[] data)
    {
        int index = Extensions.FindIndex(extension => extension.Type == type);
        if (index < 0)
            Extensions.Add((type, data));
        else
            Extensions[index] = (type, data);
        return this;
    }

    public TestHello Remove(ExtensionType type)
    {
        Extensions.RemoveAll(extension => extension.Type == type);
        return this;
    }

    /// <summary>The handshake message.</summary>
    public byte[] Message(params byte[][] transcript)
    {
        byte[] buffer = new byte[200_000];
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ClientHello);
        writer.WriteUInt16(LegacyVersion);
        writer.WriteBytes(Random);
        writer.WriteVector8(SessionId);
        writer.WriteVector16(CipherSuites);
        writer.WriteVector8(Compression);
        WireWriter.Mark block = writer.BeginVector(2);
        foreach ((ExtensionType type, byte[] data) in Extensions)
        {
            writer.WriteUInt16((ushort)type);
            writer.WriteVector16(data);
        }

        int truncated = 0;
        if (Psks.Count > 0)
            truncated = WritePsks(ref writer);
        writer.EndVector(block);
        writer.WriteBytes(Trailer);
        writer.EndVector(message);
        if (Psks.Count > 0)
            FillBinders(buffer.AsSpan(0, writer.Position), truncated, transcript);
        return writer.Written.ToArray();
    }

    public byte[] Record(params byte[][] transcript) => TestRecord.Plain(22, Message(transcript));

    private static byte[] Hash(TlsHash hash, byte[] data)
    {
        byte[] result = new byte[hash.Length()];
        CryptoProvider.Default.HashData(hash, data, result);
        return result;
    }

    private int WritePsks(ref WireWriter writer)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.PreSharedKey);
        WireWriter.Mark identities = writer.BeginVector(2);
        foreach ((byte[] identity, _, _, _) in Psks)
        {
            writer.WriteVector16(identity);
            writer.WriteUInt32(0);
        }

        writer.EndVector(identities);
        int truncated = writer.Position;
        byte[] placeholder = ChangeBinders([.. Psks.SelectMany(psk => (byte[])[(byte)psk.Hash.Length(), .. new byte[psk.Hash.Length()]])]);
        writer.WriteVector16(placeholder);
        writer.EndVector(extension);
        return truncated;
    }

    private void FillBinders(Span<byte> message, int truncated, byte[][] transcript)
    {
        var binders = new List<byte>();
        foreach ((_, byte[] key, PskBinder kind, TlsHash hash) in Psks)
        {
            using var schedule = new KeySchedule(CryptoProvider.Default, hash, datagram: false, key);
            byte[] binder = new byte[hash.Length()];
            schedule.ComputeBinder(kind, Hash(hash, [.. transcript.SelectMany(part => part), .. message[..truncated]]), binder);
            binders.Add((byte)binder.Length);
            binders.AddRange(binder);
        }

        byte[] changed = ChangeBinders([.. binders]);
        changed.CopyTo(message[(truncated + 2)..]);
    }
}
