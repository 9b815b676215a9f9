using System.Diagnostics.CodeAnalysis;
using IotPsk.Net.Timers;
using IotPsk.Tls;

namespace IotPsk.Net.Datagrams;

/// <summary>
/// A handshake: from a hello with the right cookie to the Finished that verifies. One for each address at most; it ends
/// with the deadline whatever comes.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Free gives the engine back, in every way a handshake can end.")]
internal sealed partial class HalfOpen : TimerNode, IPskAsker
{
    private readonly DatagramEndpoint _endpoint;
    private readonly long _expiry;
    private PskDtlsServer? _dtls;

    /// <param name="endpoint">Where it belongs.</param>
    /// <param name="session">What it becomes.</param>
    /// <param name="dtls">Its engine; owned from now on.</param>
    /// <param name="gateKey">What it is counted under.</param>
    /// <param name="hello">Tells its hello from others.</param>
    internal HalfOpen(DatagramEndpoint endpoint, DatagramSession session, PskDtlsServer dtls, ulong gateKey, UInt128 hello)
    {
        _endpoint = endpoint;
        _dtls = dtls;
        Session = session;
        GateKey = gateKey;
        Hello = hello;
        _expiry = endpoint.Loop.Now + endpoint.HandshakeMilliseconds;
    }

    internal DatagramSession Session { get; }

    internal ulong GateKey { get; }

    /// <summary>The client's random, half of it: a repeated hello has the same.</summary>
    internal UInt128 Hello { get; }

    internal bool IsAwaitingPsk => _request is not null;

    internal TlsError? Error => _dtls?.Error;

    /// <summary>Why the resolver said no.</summary>
    internal string? Rejection { get; private set; }

    internal bool ResolverFailed { get; private set; }

    /// <summary>The owner knows already that nothing will come of it.</summary>
    internal bool IsReported { get; set; }

    /// <summary>Feeds the engine one datagram, record by record.</summary>
    internal void Receive(ReadOnlySpan<byte> datagram)
    {
        try
        {
            Feed(datagram);
        }
        catch (Exception exception)
        {
            _endpoint.HandshakeFault(this, exception);
        }
    }

    internal override void OnTimer()
    {
        try
        {
            if (_endpoint.Loop.Now >= _expiry) _endpoint.HandshakeTimedOut(this);
            else if (Step(_dtls!.Tick(_endpoint.Loop.Now))) Rest();
        }
        catch (Exception exception)
        {
            _endpoint.HandshakeFault(this, exception);
        }
    }

    /// <summary>The handshake is done: the engine goes to the session.</summary>
    internal PskDtlsServer Detach()
    {
        var dtls = _dtls!;
        _dtls = null;
        Free();
        return dtls;
    }

    internal void Free()
    {
        _endpoint.Wheel.Cancel(this);
        _request?.Abandon();
        _request = null;
        _dtls?.Dispose();
        _dtls = null;
    }

    private void Feed(ReadOnlySpan<byte> datagram)
    {
        while (!datagram.IsEmpty)
        {
            // Nothing of the client's own comes before its Finished, so there is no plaintext.
            var status = _dtls!.Receive(datagram, _endpoint.Loop.Now, _endpoint.Plain, out var consumed, out _);
            datagram = datagram[consumed..];
            if (!Step(Ask(status)))
            {
                if (Session.IsOpen && !datagram.IsEmpty) _endpoint.Receive(datagram, Session.Address);
                return;
            }
            if (consumed == 0) break;
        }
        Rest();
    }

    /// <summary>Sends what the engine has; false if the handshake is over, this way or that.</summary>
    private bool Step(PskTlsStatus status)
    {
        SendOutput();
        if (status == PskTlsStatus.Closed)
        {
            _endpoint.HandshakeEnded(this);
            return false;
        }
        if (!_dtls!.IsConnected) return true;
        _endpoint.Promote(this);
        return false;
    }

    private void Rest()
    {
        if (_dtls is null) return;
        SendOutput();
        _endpoint.Wheel.Arm(this, Math.Min(_expiry, _dtls.Deadline) - _endpoint.Loop.Now);
    }

    private void SendOutput()
    {
        while (_dtls is { HasOutput: true } && _dtls.Flush(_endpoint.Outbox.Next(), out var written)) _endpoint.Commit(written, Session.Address);
    }
}
