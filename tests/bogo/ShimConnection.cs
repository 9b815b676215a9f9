using System.Net.Sockets;
using IotPsk.Tls;

namespace IotPsk.Bogo;

/// <summary>The engine on a socket, doing what the runner's peer expects of a shim: what comes is sent back, each bit turned.</summary>
internal sealed class ShimConnection(Socket socket, PskTlsConnection tls) : IDisposable
{
    private readonly byte[] _input = new byte[4 * PskTlsConnection.MaxRecordWireSize];
    private readonly byte[] _plain = new byte[PskTlsConnection.MaxRecordWireSize];
    private readonly byte[] _output = new byte[4 * PskTlsConnection.MaxRecordWireSize];
    private int _have;

    internal PskTlsConnection Tls => tls;

    internal void Handshake(Action<PskTlsServer> answer)
    {
        while (true)
        {
            PskTlsStatus status = tls.Handshake(_input.AsSpan(0, _have), _output, out int consumed, out int written);
            Consume(consumed);
            Send(written);
            switch (status)
            {
                case PskTlsStatus.Complete:
                    return;
                case PskTlsStatus.NeedsPsk:
                    answer((PskTlsServer)tls);
                    break;
                case PskTlsStatus.Closed:
                    throw Failure();
                case PskTlsStatus.NeedMoreData when !Fill():
                    throw new ShimFailureException("UNEXPECTED_EOF");
            }
        }
    }

    internal void Exchange(ConnectionFlags flags)
    {
        if (flags.WritesFirst)
            Write("hello"u8);
        if (flags.UpdatesKeysBeforeRead)
            tls.UpdateKeys(false);
        if (flags.ShutsDown)
        {
            tls.Shutdown(_output, out int farewell);
            Send(farewell);
            return;
        }
        Span<byte> turned = new byte[PskTlsConnection.MaxRecordWireSize];
        while (true)
        {
            PskTlsStatus status = tls.Read(_input.AsSpan(0, _have), _plain, out int consumed, out int written);
            Consume(consumed);
            Flush();
            for (int i = 0; i < written; i++)
                turned[i] = (byte)~_plain[i];
            if (written > 0)
                Write(turned[..written]);
            if (status == PskTlsStatus.Closed)
            {
                if (tls.Error is not null)
                    throw Failure();
                tls.Shutdown(_output, out int farewell);
                Send(farewell);
                return;
            }
            // The runner may end TCP without close_notify; that is its way, and no test here is about it.
            if (status == PskTlsStatus.NeedMoreData && !Fill())
                return;
        }
    }

    public void Dispose() => tls.Dispose();

    private ShimFailureException Failure()
    {
        // An alert is of use only if it is read: closing over unread bytes would be a reset.
        socket.Shutdown(SocketShutdown.Send);
        try
        {
            while (socket.Receive(_input) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // The peer is gone.
        }
        return new ShimFailureException(tls.Error?.Reason.ToString() ?? "CLOSED");
    }

    private void Write(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            tls.Write(data, _output, out int consumed, out int written);
            Send(written);
            data = data[consumed..];
        }
    }

    private void Flush()
    {
        while (tls.HasOutput)
        {
            tls.Flush(_output, out int written);
            Send(written);
        }
    }

    private void Send(int count)
    {
        try
        {
            if (count > 0)
                socket.Send(_output.AsSpan(0, count));
        }
        catch (SocketException)
        {
            // What the engine says about the connection counts, not that its peer left early.
        }
    }

    private bool Fill()
    {
        try
        {
            int read = socket.Receive(_input.AsSpan(_have));
            _have += read;
            return read > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Consume(int count)
    {
        _input.AsSpan(count, _have - count).CopyTo(_input);
        _have -= count;
    }
}
