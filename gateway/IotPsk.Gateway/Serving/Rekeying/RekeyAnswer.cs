using System.Security.Cryptography;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Rekeying;

/// <summary>An answer with a bundle, in memory that does not move: zeroed by Dispose, also when the TPM brings the keys only after that.</summary>
internal sealed class RekeyAnswer : IDisposable
{
    private readonly byte[] _buffer = GC.AllocateArray<byte>(RekeyMessage.MaxAnswer, pinned: true);
    private readonly Lock _gate = new();
    private int _length;
    private bool _disposed;

    /// <summary>The bytes to send.</summary>
    internal ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Makes the keys; on the TPM's thread.</summary>
    internal void Fill(ITpm tpm, FleetRecord fleet, DeviceRecord device, CredentialBundle asked, int epoch)
    {
        // One of its own for each attempt: a TPM that was lost in the middle is asked again.
        var bundle = new CredentialBundle
        {
            TlsAddress = asked.TlsAddress,
            DtlsAddress = asked.DtlsAddress,
            RecordSizeLimit = asked.RecordSizeLimit,
            UseConnectionId = asked.UseConnectionId,
        };
        try
        {
            DeviceBundle.Fill(bundle, tpm, fleet, device, epoch);
            lock (_gate)
            {
                if (!_disposed)
                    _length = RekeyMessage.EncodeAnswer(RekeyCode.Granted, bundle, _buffer);
            }
        }
        finally
        {
            bundle.Clear();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _length = 0;
            CryptographicOperations.ZeroMemory(_buffer);
        }
    }
}
