using IotPsk.Tls;

namespace IotPsk.Device.Tests.Support;

/// <summary>A connection to our own TLS server engine, without a network: what is sent is handled at once.</summary>
internal sealed class EngineChannel(Action<PskTlsServer> answerPsk) : IByteChannel, IDisposable
{
    private readonly PskTlsServer _server = new(new PskTlsServerOptions());
    private readonly Queue<byte> _toDevice = new();
    private readonly byte[] _buffer = new byte[2 * PskTlsConnection.MaxRecordWireSize];
    private byte[] _pending = [];

    internal PskTlsServer Server => _server;

    internal List<byte> Received { get; } = [];

    internal bool IsClosed { get; private set; }

    /// <summary>From now on the server is silent, or, with true, gone.</summary>
    internal bool? IsGone { get; set; }

    public int Receive(byte[] buffer, int offset, int count, int timeout)
    {
        if (_toDevice.Count == 0)
            return IsClosed ? throw new PskException(PskError.Closed) : IsGone == true ? 0 : -1;
        int n = Math.Min(count, _toDevice.Count);
        for (int i = 0; i < n; i++)
            buffer[offset + i] = _toDevice.Dequeue();
        return n;
    }

    public void Send(byte[] buffer, int offset, int count)
    {
        if (IsGone is not null)
            return;
        _pending = [.. _pending, .. buffer[offset..(offset + count)]];
        PskTlsStatus status;
        do
        {
            bool connected = _server.IsConnected;
            status = connected
                ? _server.Read(_pending, _buffer, out int consumed, out int written)
                : _server.Handshake(_pending, _buffer, out consumed, out written);
            _pending = _pending[consumed..];
            if (connected)
                Received.AddRange(_buffer[..written]);
            else
                ToDevice(written);
            if (status == PskTlsStatus.NeedsPsk)
                answerPsk(_server);
        }
        while (status == PskTlsStatus.NeedsPsk || (status == PskTlsStatus.Complete && _pending.Length > 0));
        _server.Flush(_buffer, out int flushed);
        ToDevice(flushed);
    }

    internal void SendToDevice(byte[] plaintext)
    {
        _server.Write(plaintext, _buffer, out _, out int written);
        ToDevice(written);
    }

    internal void CloseNotify()
    {
        _server.Shutdown(_buffer, out int written);
        ToDevice(written);
    }

    public void Close() => IsClosed = true;

    public void Dispose() => _server.Dispose();

    private void ToDevice(int count)
    {
        foreach (byte value in _buffer.AsSpan(0, count))
            _toDevice.Enqueue(value);
    }
}
