using System.Security.Cryptography;
using IotPsk.Tls;

namespace IotPsk.Net;

/// <summary>
/// TLS with pre-shared keys over another stream, for programs that live by streams: one connection as client or server. One
/// reader and one writer at a time. The gateway's own endpoint is <see cref="ShardSet"/>, which needs a fraction of it.
/// </summary>
public sealed partial class PskTlsStream : Stream
{
    private const int OutputSize = 4 * PskTlsConnection.MaxRecordWireSize;

    private readonly Stream _inner;
    private readonly PskTlsConnection _tls;
    private readonly bool _leaveOpen;
    // The engine is for one thread at a time; what it wrote goes out in the order it was made.
    // The semaphore holds no handle and is not disposed: those who still wait for it would wait for ever.
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Lock _engine = new();
    private readonly byte[] _input = new byte[PskTlsConnection.MaxRecordWireSize];
    private readonly byte[] _plain = new byte[PskTlsConnection.MaxRecordWireSize];
    private readonly byte[] _output = new byte[OutputSize];
    private int _inputStart, _inputEnd, _plainStart, _plainEnd;
    private bool _disposed;

    /// <summary>Nothing is sent before <see cref="AuthenticateAsync"/>.</summary>
    /// <param name="inner">The stream below.</param>
    /// <param name="connection">A fresh client or server of the engine; disposed with this stream.</param>
    /// <param name="leaveOpen">Leave <paramref name="inner"/> open.</param>
    public PskTlsStream(Stream inner, PskTlsConnection connection, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(connection);
        (_inner, _tls, _leaveOpen) = (inner, connection, leaveOpen);
    }

    /// <summary>What was agreed; null before the handshake is done.</summary>
    public PskTlsSession? Session => _tls.Session;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Makes the handshake.</summary>
    /// <param name="answer">
    /// A server's: looks at the offered identities and calls ProvidePsk, RejectPsk or FailPsk; null for a client.
    /// </param>
    /// <param name="cancellation">Ends the wait; the stream is of no use afterwards.</param>
    /// <exception cref="PskTlsException">The handshake failed; an alert was sent where one is due.</exception>
    /// <exception cref="IOException">The peer went away.</exception>
    public async Task AuthenticateAsync(Func<PskTlsServer, CancellationToken, ValueTask>? answer = null, CancellationToken cancellation = default)
    {
        while (true)
        {
            PskTlsStatus status;
            int written;
            lock (_engine)
            {
                status = _tls.Handshake(_input.AsSpan(_inputStart, _inputEnd - _inputStart), _output, out int consumed, out written);
                _inputStart += consumed;
            }
            if (written > 0)
                await _inner.WriteAsync(_output.AsMemory(0, written), cancellation).ConfigureAwait(false);
            switch (status)
            {
                case PskTlsStatus.Complete:
                    return;
                case PskTlsStatus.NeedsPsk when _tls is PskTlsServer server && answer is not null:
                    await answer(server, cancellation).ConfigureAwait(false);
                    break;
                case PskTlsStatus.NeedMoreData:
                    if (!await FillAsync(cancellation).ConfigureAwait(false))
                        throw new EndOfStreamException("The peer closed the connection during the TLS handshake.");
                    break;
                case PskTlsStatus.Closed:
                    throw _tls.Error is { } error ? new PskTlsException(error) : new EndOfStreamException("The peer ended the TLS handshake.");
                case PskTlsStatus.NeedsPsk:
                    throw new InvalidOperationException("A server needs somebody who answers for its keys.");
            }
        }
    }

    /// <summary>Waits for plaintext.</summary>
    /// <returns>How many bytes; 0 after the peer's close_notify.</returns>
    /// <exception cref="PskTlsException">The connection failed.</exception>
    /// <exception cref="EndOfStreamException">The stream below ended without close_notify: what came may be cut short.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        while (_plainStart == _plainEnd)
        {
            PskTlsStatus status;
            bool hasOutput;
            lock (_engine)
            {
                status = _tls.Read(_input.AsSpan(_inputStart, _inputEnd - _inputStart), _plain, out int consumed, out int written);
                (_inputStart, _plainStart, _plainEnd) = (_inputStart + consumed, 0, written);
                hasOutput = _tls.HasOutput;
            }
            if (hasOutput)
                await FlushEngineAsync(cancellationToken).ConfigureAwait(false);
            if (status == PskTlsStatus.Closed)
                return _tls.Error is { } error ? throw new PskTlsException(error) : 0;
            if (status == PskTlsStatus.NeedMoreData && !await FillAsync(cancellationToken).ConfigureAwait(false))
                throw new EndOfStreamException("The connection ended without close_notify (RFC 8446 s6.1).");
        }
        int count = Math.Min(buffer.Length, _plainEnd - _plainStart);
        _plain.AsSpan(_plainStart, count).CopyTo(buffer.Span);
        _plainStart += count;
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            do
            {
                PskTlsStatus status;
                int consumed, written;
                lock (_engine)
                    status = _tls.Write(buffer.Span, _output, out consumed, out written);
                buffer = buffer[consumed..];
                await _inner.WriteAsync(_output.AsMemory(0, written), cancellationToken).ConfigureAwait(false);
                if (status == PskTlsStatus.Closed)
                    throw _tls.Error is { } error ? new PskTlsException(error) : new IOException("The TLS connection is closed.");
            }
            while (!buffer.IsEmpty);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends close_notify: nothing can be written afterwards, and the peer's data may still be read.</summary>
    public async Task ShutdownAsync(CancellationToken cancellation = default)
    {
        lock (_engine)
            _tls.Shutdown([], out _);
        await FlushEngineAsync(cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    private async Task FlushEngineAsync(CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            PskTlsStatus status;
            do
            {
                int written;
                lock (_engine)
                    status = _tls.Flush(_output, out written);
                await _inner.WriteAsync(_output.AsMemory(0, written), cancellation).ConfigureAwait(false);
            }
            while (status == PskTlsStatus.DestinationTooSmall);
        }
        finally
        {
            _writing.Release();
        }
    }

    // False at the end of the stream below.
    private async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        _input.AsSpan(_inputStart, _inputEnd - _inputStart).CopyTo(_input);
        (_inputStart, _inputEnd) = (0, _inputEnd - _inputStart);
        int read = await _inner.ReadAsync(_input.AsMemory(_inputEnd), cancellation).ConfigureAwait(false);
        _inputEnd += read;
        return read > 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;

            // Somebody may still read or write: the keys are not taken away while the engine uses them.
            lock (_engine)
                _tls.Dispose();
            CryptographicOperations.ZeroMemory(_plain);
            if (!_leaveOpen)
                _inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
