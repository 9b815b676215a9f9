using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>
/// One ESYS context over one TCTI, and the blocks its structures cross in. Not thread safe: an ESYS context takes one caller at a time.
/// </summary>
internal sealed unsafe class EsysConnection : IDisposable
{
    private const int MaxBusyRetries = 6;
    private readonly string _address;
    private readonly TpmCounters _counters;
    private readonly NativeBlock _wire = new();
    private nint _tcti;
    private nint _esys;

    internal EsysConnection(string address, TpmCounters counters)
    {
        _address = address;
        _counters = counters;
        try
        {
            Tss2.QuietLog();
            nint tcti = 0, esys = 0;
            CheckOpen(Tss2.Tss2_TctiLdr_Initialize(address, &tcti));
            _tcti = tcti;
            CheckOpen(Tss2.Esys_Initialize(&esys, tcti, 0));
            _esys = esys;
        }
        catch (DllNotFoundException e)
        {
            Dispose();
            throw TpmErrors.MissingLibrary(e, address);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal nint Context => _esys;

    public void Dispose()
    {
        nint esys = _esys, tcti = _tcti;
        _esys = _tcti = 0;
        if (esys != 0)
            Tss2.Esys_Finalize(&esys);
        if (tcti != 0)
            Tss2.Tss2_TctiLdr_Finalize(&tcti);
        _wire.Dispose();
    }

    /// <summary>
    /// Counts a command that was sent, and says whether to send it again. ESYS itself resubmits five times on RETRY, YIELDED and
    /// TESTING; beyond that we back off, 5 to 160 ms, six times.
    /// </summary>
    internal bool Again(TpmCommand command, uint rc, ref int attempt)
    {
        _counters.CountSent(command);
        if (rc == 0)
            return false;
        _counters.CountFailed();
        if (attempt == MaxBusyRetries || TpmErrors.Classify(rc) != TpmFault.Busy)
            return false;
        Thread.Sleep(5 << attempt++);
        return true;
    }

    /// <summary>Throws when a command failed.</summary>
    internal void Check(uint rc, string what)
    {
        if (rc != 0)
            throw TpmErrors.Command(rc, what, _address);
    }

    /// <summary>Wire bytes into a native structure.</summary>
    internal void Put(NativeBlock block, ReadOnlySpan<byte> wire, delegate*<byte*, nuint, nuint*, nint, uint> unmarshal)
    {
        block.Clear();
        nuint offset = 0;
        uint rc;
        fixed (byte* bytes = wire)
            rc = unmarshal(bytes, (nuint)wire.Length, &offset, block.Address);
        Check(rc, "marshalling");
    }

    /// <summary>A native structure of the library's as wire bytes (valid until the next call); the structure is freed.</summary>
    internal ReadOnlySpan<byte> Take(ref nint structure, delegate*<nint, byte*, nuint, nuint*, uint> marshal)
    {
        nuint offset = 0;
        var rc = marshal(structure, (byte*)_wire.Address, NativeBlock.Size, &offset);
        Tss2.Esys_Free(structure);
        structure = 0;
        Check(rc, "reading the answer");
        return _wire.Span[..(int)offset];
    }

    /// <summary>
    /// Overwrites a secret wherever the library's own buffers still hold it: the answer stays in them until the next one comes, which may be
    /// hours later. Both contexts are blocks of the C library's heap; what is where in them does not matter.
    /// </summary>
    internal void Scrub(ReadOnlySpan<byte> secret)
    {
        nint sys = 0;
        Check(Tss2.Esys_GetSysContext(_esys, &sys), "finding the library's buffers");
        Scrub(_esys, secret);
        Scrub(sys, secret);
    }

    private static void Scrub(nint block, ReadOnlySpan<byte> secret)
    {
        var bytes = new Span<byte>((void*)block, (int)Tss2.UsableSize(block));
        for (int at; (at = bytes.IndexOf(secret)) >= 0; bytes = bytes[(at + secret.Length)..])
            CryptographicOperations.ZeroMemory(bytes.Slice(at, secret.Length));
    }

    /// <summary>Clears what <see cref="Take"/> returned when it was secret.</summary>
    internal void ClearTaken() => _wire.Clear();

    private void CheckOpen(uint rc)
    {
        if (rc != 0)
            throw TpmErrors.Open(rc, _address);
    }
}
