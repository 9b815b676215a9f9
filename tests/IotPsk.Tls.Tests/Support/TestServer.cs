namespace IotPsk.Tls.Tests.Support;

/// <summary>A server alone, fed by hand.</summary>
internal sealed class TestServer : IDisposable
{
    private readonly Action<PskTlsServer> _answer;

    public TestServer(PskTlsServerOptions? options = null, Action<PskTlsServer>? answer = null)
    {
        Server = new PskTlsServer(options ?? new PskTlsServerOptions());
        End = new Wire(Server);
        _answer = answer ?? (s => s.ProvidePsk(0, Link.Key, PskBinder.Imported, TlsHash.Sha256));
    }

    public PskTlsServer Server { get; }

    public Wire End { get; }

    public bool WasAsked { get; private set; }

    /// <summary>Delivers and answers; returns what the server sends.</summary>
    public byte[] Deliver(byte[] bytes)
    {
        byte[] output = End.Deliver(bytes);
        if (End.Status != PskTlsStatus.NeedsPsk)
            return output;
        WasAsked = true;
        _answer(Server);
        return [.. output, .. End.Deliver([])];
    }

    /// <summary>Delivers what must end the connection for one exact reason, with its alert as a plain record.</summary>
    public void MustFail(byte[] bytes, TlsErrorReason reason)
    {
        byte[] output = Deliver(bytes);
        Assert.Equal(reason, Server.Error?.Reason);
        Assert.Equal(PskTlsStatus.Closed, End.Status);
        AlertDescription alert = TlsErrorMap.Alert(reason)!.Value;
        Assert.Equal([21, 3, 3, 0, 2, 2, (byte)alert], output[^7..]);
        Assert.False(Server.IsConnected);
        Assert.Null(Server.Session);

        // Nothing brings it back.
        Assert.Empty(Deliver(TestHello.Good().Record()));
        Assert.Equal(reason, Server.Error?.Reason);
    }

    public void Dispose() => Server.Dispose();
}
