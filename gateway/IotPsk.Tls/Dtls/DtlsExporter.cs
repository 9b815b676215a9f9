using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tls12;

namespace IotPsk.Tls.Dtls;

/// <summary>What exporters need after the handshake (RFC 5705 s4).</summary>
internal sealed class DtlsExporter : IDisposable
{
    /// <summary>Master secret and both randoms.</summary>
    public const int SavedLength = MasterSecret.Length + (2 * ClientHello.RandomLength);

    private readonly CryptoProvider _crypto;
    private readonly MasterSecret _master;
    private readonly byte[] _randoms;

    public DtlsExporter(CryptoProvider crypto, ReadOnlySpan<byte> masterSecret, ReadOnlySpan<byte> randoms)
    {
        _crypto = crypto;
        _master = MasterSecret.Resume(crypto, masterSecret);
        _randoms = randoms.ToArray();
    }

    public void Export(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        _master.Export(_crypto, label, _randoms, context, destination);
        _crypto.Wipe();
    }

    public void Save(Span<byte> destination)
    {
        _master.Bytes.CopyTo(destination);
        _randoms.CopyTo(destination[MasterSecret.Length..]);
    }

    public void Dispose() => _master.Dispose();
}
