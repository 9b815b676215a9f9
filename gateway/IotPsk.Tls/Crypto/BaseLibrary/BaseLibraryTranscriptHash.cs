using System.Security.Cryptography;

namespace IotPsk.Tls.Crypto.BaseLibrary;

internal sealed class BaseLibraryTranscriptHash(TlsHash hash) : TranscriptHash(hash)
{
    private readonly IncrementalHash _running = IncrementalHash.CreateHash(BaseLibraryProvider.Name(hash));

    public override void Append(ReadOnlySpan<byte> data) => _running.AppendData(data);

    public override void Snapshot(Span<byte> destination) => _running.GetCurrentHash(destination[..Hash.Length()]);

    public override void Reset()
    {
        Span<byte> dropped = stackalloc byte[TlsHashes.MaxLength];
        _running.GetHashAndReset(dropped[..Hash.Length()]);
    }

    public override void Dispose() => _running.Dispose();
}
