using static IotPsk.Tls.Crypto.OpenSsl.LibCrypto;

namespace IotPsk.Tls.Crypto.OpenSsl;

internal sealed unsafe class OpenSslTranscriptHash : TranscriptHash
{
    private nint _context;

    public OpenSslTranscriptHash(TlsHash hash)
        : base(hash)
    {
        _context = OpenSslProvider.Check(EVP_MD_CTX_new());
        Reset();
    }

    ~OpenSslTranscriptHash() => Free();

    public override void Append(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        fixed (byte* bytes = data)
            OpenSslProvider.Check(EVP_DigestUpdate(_context, bytes, (nuint)data.Length));
    }

    public override void Snapshot(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        nint copy = OpenSslThread.Current.ScratchDigest;
        fixed (byte* output = destination[..Hash.Length()])
        {
            OpenSslProvider.Check(EVP_MD_CTX_copy_ex(copy, _context));
            OpenSslProvider.Check(EVP_DigestFinal_ex(copy, output, null));
        }
    }

    public override void Reset()
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        OpenSslProvider.Check(EVP_DigestInit_ex(_context, OpenSslAlgorithms.Digest(Hash), 0));
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_context == 0)
            return;
        EVP_MD_CTX_free(_context);
        _context = 0;
    }
}
