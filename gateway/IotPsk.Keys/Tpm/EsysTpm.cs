using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>What differs between one TPM and the next.</summary>
public sealed class TpmOptions
{
    /// <summary>TCTI string: device:/dev/tpmrm0, swtpm:host=127.0.0.1,port=2321, swtpm:path=SOCKET, tabrmd.</summary>
    public required string Tcti { get; init; }

    /// <summary>Password of the owner hierarchy, needed only to make keys; empty on most machines.</summary>
    public ReadOnlyMemory<byte> OwnerAuth { get; init; }

    /// <summary>Authorisation value of the keys, at most <see cref="MaxAuthSize"/> bytes; given at their birth and at every use. Zeroed with the TPM.</summary>
    public ReadOnlyMemory<byte> KeyAuth { get; init; }

    /// <summary>Longest authorisation value, in bytes: as long as the name algorithm's digest (TPM 2.0 Part 2, s10.4.5).</summary>
    public const int MaxAuthSize = 32;

    /// <summary>Encrypt what crosses the bus to the TPM: for machines on whose board somebody may listen.</summary>
    public bool EncryptSession { get; init; }

    /// <summary>The storage root that an encrypting session is salted to; its name is compared first. Null before there is a fleet.</summary>
    public TpmKeyReference? StorageRoot { get; init; }
}

/// <summary>
/// A TPM 2.0 through tpm2-tss ESYS. Blocking and for one thread at a time: <see cref="TpmOwner"/> gives it a thread of its own.
/// After a fault that lost the connection or the TPM's state the owner closes it and opens it again; persistent keys are then looked up
/// anew and their names compared again.
/// </summary>
public sealed unsafe partial class EsysTpm : ITpm
{
    /// <summary>Longest message of one TPM2_HMAC (TPM2_MAX_DIGEST_BUFFER).</summary>
    public const int MaxHmacMessage = 1024;

    private const int MacSize = 32;
    private readonly TpmOptions _options;
    private readonly Dictionary<uint, PersistentObject> _objects = [];
    private readonly NativeBlock _first = new();
    private readonly NativeBlock _second = new();
    private readonly NativeBlock _outsideInfo = new();
    private readonly NativeBlock _creationPcr = new();
    private EsysConnection? _connection;

    /// <summary>A TPM that is not opened yet.</summary>
    public EsysTpm(TpmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.Tcti);
        _options = options;
    }

    /// <summary>A TPM at this TCTI, without passwords.</summary>
    public EsysTpm(string tcti)
        : this(new TpmOptions { Tcti = tcti })
    {
    }

    /// <inheritdoc/>
    public string Address => _options.Tcti;

    /// <inheritdoc/>
    public TpmCounters Counters { get; } = new();

    /// <inheritdoc/>
    public bool IsOpen => _connection != null;

    private EsysConnection Connection =>
        _connection ?? throw new TpmException(TpmFault.Unreachable, $"TPM at {Address}: not open");

    /// <inheritdoc/>
    public void Open()
    {
        if (_connection != null)
            return;
        var connection = new EsysConnection(Address, Counters);
        try
        {
            _connection = connection;
            if (!HasCommand(CommandCodeHmac))
            {
                throw new TpmException(
                    TpmFault.NotSupported,
                    $"TPM at {Address}: it has no TPM2_HMAC command (some firmware TPMs leave it out), so it cannot hold a fleet key: use a discrete TPM 2.0");
            }
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Close()
    {
        EndSession();
        EndPcrSession();
        _objects.Clear();
        var connection = _connection;
        _connection = null;
        connection?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        Forget(_options.KeyAuth);
        Forget(_options.OwnerAuth);
        _symmetric.Dispose();
        _third.Dispose();
        _first.Dispose();
        _second.Dispose();
        _outsideInfo.Dispose();
        _creationPcr.Dispose();
    }

    private static void Forget(ReadOnlyMemory<byte> auth)
    {
        if (MemoryMarshal.TryGetArray(auth, out var array))
            CryptographicOperations.ZeroMemory(array);
    }

    /// <inheritdoc/>
    public void Hmac(TpmKeyReference key, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Pcr is { } pcr)
            Hmac(key, pcr, message, mac);
        else
            Hmac(Find(key, _options.KeyAuth.Span), message, mac, null, key.Handle, Authorize());
    }

    private void Hmac(uint tr, ReadOnlySpan<byte> message, Span<byte> mac, string? what, uint handle, uint auth)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, MaxHmacMessage);
        ArgumentOutOfRangeException.ThrowIfNotEqual(mac.Length, MacSize);
        var connection = Connection;
        Span<byte> wire = stackalloc byte[2 + MaxHmacMessage];
        BinaryPrimitives.WriteUInt16BigEndian(wire, (ushort)message.Length);
        message.CopyTo(wire[2..]);
        connection.Put(_first, wire[..(2 + message.Length)], &Tss2.Tss2_MU_TPM2B_MAX_BUFFER_Unmarshal);
        nint digest = 0;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_HMAC(connection.Context, tr, auth, Tss2.TrNone, Tss2.TrNone, _first.Address, TpmWire.AlgSha256, &digest);
        while (connection.Again(TpmCommand.Hmac, rc, ref attempt));
        if (rc != 0)
            connection.Check(rc, $"TPM2_HMAC with {what ?? $"the key at 0x{handle:x8}"}");
        TakeDigest(connection, digest, mac);
    }

    /// <summary>The MAC is key material: the library's copy of it is overwritten before it is freed (TPM2B: 16-bit size, then the bytes).</summary>
    private void TakeDigest(EsysConnection connection, nint digest, Span<byte> mac)
    {
        Span<byte> wire = stackalloc byte[2 + 64];
        nuint offset = 0;
        uint rc;
        fixed (byte* target = wire)
            rc = Tss2.Tss2_MU_TPM2B_DIGEST_Marshal(digest, target, (nuint)wire.Length, &offset);
        CryptographicOperations.ZeroMemory(new Span<byte>((void*)digest, 2 + MacSize));
        Tss2.Esys_Free(digest);
        connection.Check(rc, "reading the MAC");
        if (offset != 2 + MacSize)
            throw new TpmException(TpmFault.Failed, $"TPM at {Address}: TPM2_HMAC answered {offset - 2} bytes instead of {MacSize}");
        wire.Slice(2, MacSize).CopyTo(mac);
        connection.Scrub(mac);
        CryptographicOperations.ZeroMemory(wire);
    }

    /// <summary>The ESYS handle of a persistent key; at its first use the key's name is read and compared.</summary>
    private uint Find(TpmKeyReference key, ReadOnlySpan<byte> auth)
    {
        if (_objects.TryGetValue(key.Handle, out var known) && known.Checked is { } named && (ReferenceEquals(named, key) || named.Equals(key)))
            return known.Tr;
        if (known.Checked is not null)
            Forget(key.Handle, known.Tr);
        var found = ReadPublic(key.Handle) ?? throw new TpmException(
            TpmFault.KeyMissing,
            $"TPM at {Address}: no key at handle 0x{key.Handle:x8}, where key {key.NameHex} is expected: is this the TPM the fleet was made with?");
        if (!found.Name.AsSpan().SequenceEqual(key.Name))
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"TPM at {Address}: handle 0x{key.Handle:x8} holds another key ({Convert.ToHexStringLower(found.Name)}) than the registry names " +
                $"({key.NameHex}): this is another TPM, or the state directory of another fleet");
        }

        var tr = _objects[key.Handle].Tr;
        SetAuth(tr, auth);
        _objects[key.Handle] = new PersistentObject(tr, key);
        return tr;
    }

    /// <summary>Another key is expected at a handle than before: ESYS remembers the name of the old one.</summary>
    private void Forget(uint handle, uint tr)
    {
        _objects.Remove(handle);
        _ = Tss2.Esys_TR_Close(Connection.Context, &tr);
    }

    private void SetAuth(uint tr, ReadOnlySpan<byte> auth)
    {
        if (auth.IsEmpty)
            return;
        var connection = Connection;
        var wire = TpmWire.Sized(auth);
        try
        {
            connection.Put(_second, wire, &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
            connection.Check(Tss2.Esys_TR_SetAuth(connection.Context, tr, _second.Address), "setting an authorisation value");
        }
        finally
        {
            _second.Clear();
            CryptographicOperations.ZeroMemory(wire);
        }
    }

    /// <summary>A persistent object this context knows: ESYS has one handle for it, however often it is asked.</summary>
    private readonly record struct PersistentObject(uint Tr, TpmKeyReference? Checked);
}
