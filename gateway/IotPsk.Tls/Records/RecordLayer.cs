using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Records;

/// <summary>Both directions of the record layer (RFC 8446 s5) with what waits to be sent and what is not yet a whole message.</summary>
internal sealed partial class RecordLayer(CryptoProvider crypto) : IDisposable
{
    private OutputQueue _output;
    private HandshakeAssembler _assembler;
    private RecordProtection? _read;
    private RecordProtection? _write;

    public CryptoProvider Crypto { get; } = crypto;

    public int PendingOutput => _output.Count;

    /// <summary>True from the moment both Finished messages are done.</summary>
    public bool HandshakeDone { get; private set; }

    /// <summary>Wire bytes of the handshake that the peer sent.</summary>
    public int HandshakeBytesReceived { get; set; }

    /// <summary>Wire bytes of the handshake that this side sent.</summary>
    public int HandshakeBytesSent { get; private set; }

    /// <summary>The fragments of a message that has not come whole.</summary>
    public ref HandshakeAssembler Assembler => ref _assembler;

    /// <summary>For tests that seal what this engine would not.</summary>
    internal RecordProtection? WriteProtection => _write;

    /// <summary>For tests that age the keys.</summary>
    internal RecordProtection? ReadProtection => _read;

    public void ProtectReads(RecordProtection protection)
    {
        _read?.Dispose();
        _read = protection;
    }

    public void ProtectWrites(RecordProtection protection)
    {
        _write?.Dispose();
        _write = protection;
    }

    public void UpdateReadKeys() => _read!.Update();

    /// <summary>From here on records carry data; change_cipher_spec is no longer dropped.</summary>
    public void EndHandshake()
    {
        HandshakeDone = true;
        ToleratesChangeCipherSpec = false;
        SkipEarlyData(0);
        Crypto.Wipe();
    }

    public int Drain(Span<byte> destination)
    {
        int length = _output.Drain(destination);
        _keyUpdateQueued &= _output.Count > 0;
        return length;
    }

    /// <summary>Forgets the keys; what waits to be sent stays.</summary>
    public void DropKeys()
    {
        _read?.Dispose();
        _write?.Dispose();
        _read = _write = null;
        DropTls12Keys();
        Crypto.Wipe();
        _assembler.Release();
    }

    public void Dispose()
    {
        DropKeys();
        _output.Release();
    }
}
