namespace IotPsk.Tls.Tests.Support;

/// <summary>One end with the bytes that have arrived for it but are not consumed yet.</summary>
internal sealed class Wire(PskTlsConnection connection)
{
    private readonly List<byte> _arrived = [];

    public PskTlsConnection Connection { get; } = connection;

    public PskTlsStatus Status { get; private set; } = PskTlsStatus.NeedMoreData;

    public List<byte> Sent { get; } = [];

    /// <summary>Plaintext that was read.</summary>
    public List<byte> Received { get; } = [];

    /// <summary>Room for output at each call.</summary>
    public int Room { get; set; } = 70_000;

    public int Unconsumed => _arrived.Count;

    /// <summary>Adds wire bytes and lets the end work; returns what it wants to send.</summary>
    public byte[] Deliver(ReadOnlySpan<byte> bytes)
    {
        _arrived.AddRange(bytes);
        var output = new List<byte>();
        byte[] room = new byte[Room];
        bool progress = true;
        for (int turn = 0; progress; turn++)
        {
            Assert.True(turn < 1_000_000, "the engine does not come to rest");
            progress = Connection.Session is null && Connection.Error is null ? StepHandshake(room, output) : StepRead(room, output);
        }

        Sent.AddRange(output);
        return [.. output];
    }

    /// <summary>Encrypts plaintext.</summary>
    public byte[] Write(ReadOnlySpan<byte> plaintext)
    {
        byte[] wire = new byte[Connection.MaxWireSize(plaintext.Length)];
        Assert.Equal(PskTlsStatus.Complete, Connection.Write(plaintext, wire, out int consumed, out int written));
        Assert.Equal(plaintext.Length, consumed);
        return wire[..written];
    }

    public byte[] Shutdown()
    {
        byte[] wire = new byte[20_000];
        Assert.Equal(PskTlsStatus.Complete, Connection.Shutdown(wire, out int written));
        return wire[..written];
    }

    private bool StepHandshake(byte[] room, List<byte> output)
    {
        Status = Connection.Handshake(_arrived.ToArray(), room, out int consumed, out int written);
        _arrived.RemoveRange(0, consumed);
        output.AddRange(room.AsSpan(0, written));
        return Status is PskTlsStatus.DestinationTooSmall || (Status == PskTlsStatus.Complete && _arrived.Count > 0);
    }

    private bool StepRead(byte[] room, List<byte> output)
    {
        byte[] plaintext = new byte[PskTlsConnection.MaxRecordWireSize];
        Status = Connection.Read(_arrived.ToArray(), plaintext, out int consumed, out int written);
        _arrived.RemoveRange(0, consumed);
        Received.AddRange(plaintext.AsSpan(0, written));
        while (Connection.HasOutput)
        {
            Connection.Flush(room, out int flushed);
            output.AddRange(room.AsSpan(0, flushed));
        }

        return consumed > 0 && Status == PskTlsStatus.Complete;
    }
}
