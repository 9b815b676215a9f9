using IotPsk.Net.Native;
using IotPsk.Tls;

namespace IotPsk.Net.Sessions;

/// <summary>Application data from and to the client, through the engine.</summary>
internal sealed partial class TlsSession
{
    private const int SmallestChunk = 16 * 1024;

    /// <summary>How the client's side ended; what came before is still valid.</summary>
    private enum ClientEnd : byte
    {
        Open,
        CloseNotify,
        Truncated,
        Reset,
        Alert,
        Failure,
    }

    private ClientEnd _clientEnd;
    private bool _inputPending;
    private int _largestChunk = SmallestChunk;
    private int _chunk = SmallestChunk;

    /// <summary>The client may have more to say, and it would be heard.</summary>
    private bool CanReadClient => _clientEnd == ClientEnd.Open && (_client.Readable || _inputPending);

    /// <summary>Reads the socket once and decrypts every whole record into Plain; returns the plaintext's length.</summary>
    private int ReadClient()
    {
        var have = _input.DrainTo(Pool, Wire);
        // What is left from a handshake may be many records: they go first. Otherwise it is a part of one.
        var received = _client.Readable && !_inputPending ? _client.Receive(Wire.Slice(have, Shard.ClientChunk)) : -Errno.EAGAIN;
        var plain = Decrypt(Wire[..(have + Math.Max(received, 0))]);
        if (_clientEnd == ClientEnd.Open && received <= 0 && received != -Errno.EAGAIN)
            // RFC 8446 s6.1: without close_notify the data may have been cut short.
            _clientEnd = received == 0 ? ClientEnd.Truncated : ClientEnd.Reset;
        SayEngineOutput();
        Info.AddUp(plain);
        _shard.Counters.BytesUp += plain;
        return plain;
    }

    private int Decrypt(ReadOnlySpan<byte> wire)
    {
        _inputPending = false;
        var plain = 0;
        while (!wire.IsEmpty)
        {
            var status = _tls!.Read(wire, Plain[plain..], out var consumed, out var written);
            wire = wire[consumed..];
            plain += written;
            if (status == PskTlsStatus.Complete && (consumed > 0 || written > 0)) continue;
            if (status == PskTlsStatus.Closed)
            {
                _clientEnd = _tls.Error switch
                {
                    null => ClientEnd.CloseNotify,
                    { SentByPeer: true } => ClientEnd.Alert,
                    _ => ClientEnd.Failure,
                };
                return plain;
            }
            // Room for another read of the same bytes is made by sending on what is in Plain now.
            if (status == PskTlsStatus.DestinationTooSmall && plain > 0) _inputPending = true;
            else if (status != PskTlsStatus.NeedMoreData) throw new InvalidOperationException($"The engine answered {status} to {wire.Length} bytes.");
            break;
        }
        _input.Append(Pool, wire);
        return plain;
    }

    /// <summary>Encrypts and sends.</summary>
    private void WriteClient(ReadOnlySpan<byte> plain)
    {
        Info.AddDown(plain.Length);
        _shard.Counters.BytesDown += plain.Length;
        while (!plain.IsEmpty && !_client.Broken)
        {
            var status = _tls!.Write(plain, Wire, out var consumed, out var written);
            _client.Send(Pool, Wire[..written]);
            plain = plain[consumed..];
            if (status == PskTlsStatus.Closed || consumed == 0 && written == 0)
            {
                _clientEnd = ClientEnd.Failure;
                return;
            }
        }
    }

    /// <summary>Sends what the engine itself has to say: tickets, KeyUpdates, alerts.</summary>
    private void FlushEngine()
    {
        while (_tls!.HasOutput)
        {
            _tls.Flush(Wire, out var written);
            if (written == 0) return;
            _client.Send(Pool, Wire[..written]);
        }
    }

    // A blocked client hears it later: what waits in the engine stops its reading, what waits for the socket would only grow.
    private void SayEngineOutput()
    {
        if (_tls!.HasOutput && (!_client.IsBlocked || _clientEnd != ClientEnd.Open)) FlushEngine();
    }

    /// <summary>Sends what waits for the client, and then what the engine has to say.</summary>
    private void FlushClient()
    {
        _client.Flush(Pool);
        SayEngineOutput();
    }

    private void SendCloseNotify()
    {
        if (_client.Broken || _tls is not { IsConnected: true, Error: null } tls) return;
        tls.Shutdown(Wire, out var written);
        _client.Send(Pool, Wire[..written]);
    }

    // What is read from the upstream at once must fit into Wire as records, however small the client wants them.
    private void SetChunk()
    {
        _largestChunk = Shard.UpstreamChunk;
        while (_largestChunk > 1024 && _tls!.MaxWireSize(_largestChunk) > Wire.Length) _largestChunk /= 2;
        _chunk = Math.Min(_chunk, _largestChunk);
    }
}
