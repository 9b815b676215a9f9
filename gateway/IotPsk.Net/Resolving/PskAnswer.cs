using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IotPsk.Net.Reactor;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>
/// An answer on its way from another thread to the session's loop. The key travels in native memory, which no
/// collection copies, and is zeroed when the answer is delivered, dropped or discarded.
/// </summary>
internal sealed unsafe class PskAnswer : LoopWork
{
    private readonly PskRequest _request;
    private readonly int _index;
    private readonly int _length;
    private readonly PskBinder _binder;
    private readonly TlsHash _hash;
    private readonly PskTerms _terms;
    private readonly object? _tag;
    private readonly string? _reason;
    private readonly bool _failed;
    private byte* _key;

    private PskAnswer(PskRequest request, string? reason, bool failed)
    {
        _request = request;
        _reason = reason;
        _failed = failed;
    }

    private PskAnswer(PskRequest request, int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, object tag)
    {
        _request = request;
        _index = index;
        _binder = binder;
        _hash = hash;
        _terms = terms;
        _tag = tag;
        _length = psk.Length;
        _key = (byte*)NativeMemory.Alloc((nuint)psk.Length);
        psk.CopyTo(new Span<byte>(_key, _length));
    }

    internal static PskAnswer Provide(PskRequest request, int index, ReadOnlySpan<byte> psk, PskBinder binder, TlsHash hash, in PskTerms terms, object tag) =>
        new(request, index, psk, binder, hash, terms, tag);

    internal static PskAnswer Reject(PskRequest request, string reason) => new(request, reason, failed: false);

    internal static PskAnswer Fail(PskRequest request, string? reason) => new(request, reason, failed: true);

    /// <summary>The key was zeroed and freed.</summary>
    internal bool IsErased => _key is null;

    internal override void Run()
    {
        try
        {
            _request.Deliver(this);
        }
        finally
        {
            Erase();
        }
    }

    internal override void Discard() => Erase();

    internal void ApplyTo(IPskAsker session)
    {
        if (_key is not null) session.PskProvided(_index, new ReadOnlySpan<byte>(_key, _length), _binder, _hash, _terms, _tag!);
        else if (_failed) session.PskFailed(_reason);
        else session.PskRejected(_reason!);
    }

    private void Erase()
    {
        if (_key is null) return;
        CryptographicOperations.ZeroMemory(new Span<byte>(_key, _length));
        NativeMemory.Free(_key);
        _key = null;
    }
}
