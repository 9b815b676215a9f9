using System.Buffers.Binary;

namespace IotPsk.Keys;

/// <summary>A counter in the TPM's own memory, which only grows (TPM 2.0 Part 3, s31).</summary>
public sealed unsafe partial class EsysTpm
{
    private const ushort CounterSize = sizeof(ulong);
    private const uint FirstCounter = 0x01800100, LastCounter = 0x018001ff;

    /// <inheritdoc/>
    public ulong ReadCounter(uint index)
    {
        var connection = Connection;
        var auth = Authorize(decrypt: false);
        var tr = FindCounter(index);
        nint data = 0;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_NV_Read(connection.Context, tr, tr, auth, Tss2.TrNone, Tss2.TrNone, CounterSize, 0, &data);
        while (connection.Again(TpmCommand.NvRead, rc, ref attempt));
        connection.Check(rc, $"TPM2_NV_Read of counter 0x{index:x8}");
        var wire = connection.Take(ref data, &Tss2.Tss2_MU_TPM2B_MAX_NV_BUFFER_Marshal);
        return wire.Length == 2 + CounterSize
            ? BinaryPrimitives.ReadUInt64BigEndian(wire[2..])
            : throw new TpmException(TpmFault.Failed, $"TPM at {Address}: what is at NV index 0x{index:x8} is no counter");
    }

    /// <inheritdoc/>
    public void IncrementCounter(uint index)
    {
        var connection = Connection;
        var auth = Authorize(decrypt: false, encrypt: false);
        var tr = FindCounter(index);
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_NV_Increment(connection.Context, tr, tr, auth, Tss2.TrNone, Tss2.TrNone);
        while (connection.Again(TpmCommand.NvIncrement, rc, ref attempt));
        connection.Check(rc, $"TPM2_NV_Increment of counter 0x{index:x8}");
    }

    /// <summary>An NV index that holds nothing.</summary>
    internal uint FirstFreeCounter() => FirstFreeHandle(FirstCounter, LastCounter);

    /// <summary>Defines a counter and gives it its first value; nothing is done to one that is there.</summary>
    internal void EnsureCounter(uint index)
    {
        if (!TryOpen(index, out _))
            DefineCounter(index);
        try
        {
            ReadCounter(index);
        }
        catch (TpmException e) when ((e.ResponseCode & 0xfff) == 0x14a)
        {
            // TPM_RC_NV_UNINITIALIZED: it counts from its first increment on.
            IncrementCounter(index);
            // Its name changed with that.
            _objects.Remove(index, out var known);
            Forget(index, known.Tr);
        }
    }

    private void DefineCounter(uint index)
    {
        var connection = Connection;
        var auth = Authorize(encrypt: false);
        SetAuth(Tss2.TrOwner, _options.OwnerAuth.Span);
        var value = TpmWire.Sized(_options.KeyAuth.Span);
        connection.Put(_first, value, &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(value);
        connection.Put(_second, TpmWire.CounterPublic(index, CounterSize), &Tss2.Tss2_MU_TPM2B_NV_PUBLIC_Unmarshal);
        uint rc, tr = Tss2.TrNone;
        var attempt = 0;
        do
            rc = Tss2.Esys_NV_DefineSpace(connection.Context, Tss2.TrOwner, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, &tr);
        while (connection.Again(TpmCommand.NvDefineSpace, rc, ref attempt));
        _first.Clear();
        connection.Check(rc, $"TPM2_NV_DefineSpace of counter 0x{index:x8}");
        _objects[index] = new PersistentObject(tr, null);
    }

    private uint FindCounter(uint index)
    {
        if (!TryOpen(index, out var tr))
            throw new TpmException(TpmFault.KeyMissing, $"TPM at {Address}: no counter at NV index 0x{index:x8}: is this the TPM the fleet was made with?");
        SetAuth(tr, _options.KeyAuth.Span);
        return tr;
    }
}
