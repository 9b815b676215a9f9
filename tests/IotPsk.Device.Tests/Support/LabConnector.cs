namespace IotPsk.Device.Tests.Support;

/// <summary>Associations with a <see cref="ServerLab"/>; the saved one is what <see cref="IMessageSession.Sleep"/> left.</summary>
internal sealed class LabConnector(ServerLab server) : IDatagramConnector
{
    private bool _cancelled, _isSaved;

    internal int Handshakes { get; private set; }

    internal int Saved { get; private set; }

    internal int Closed { get; private set; }

    internal bool CannotSave { get; set; }

    /// <summary>Attempts that fail, with what.</summary>
    internal Queue<PskError> Failures { get; } = new();

    public string DeviceId => ServerLab.DeviceId;

    public string ServerAddress => "127.0.0.1:5684";

    public IMessageSession Connect(out TlsConnectionInfo? info, out bool isResumed)
    {
        if (_cancelled)
            throw new PskException(PskError.Closed);
        if (Failures.TryDequeue(out PskError failure))
            throw new PskException(failure);
        info = null;
        isResumed = _isSaved;
        _isSaved = false;
        if (!isResumed)
        {
            Handshakes++;
            server.Reconnect();
        }
        return new Session(this, server);
    }

    public void Cancel() => _cancelled = true;

    private sealed class Session(LabConnector owner, IMessageChannel channel) : IMessageSession
    {
        public void Send(byte[] buffer, int offset, int count) => channel.Send(buffer, offset, count);

        // Virtual time must not run away while another thread does something: minutes of it in a second.
        public int Receive(byte[] buffer, int timeout)
        {
            Thread.Sleep(timeout > 0 ? 2 : 0);
            return owner._cancelled ? throw new PskException(PskError.Closed) : channel.Receive(buffer, timeout);
        }

        public void Sleep()
        {
            if (owner.CannotSave)
                throw new PskException(PskError.VaultFull);
            owner._isSaved = true;
            owner.Saved++;
        }

        public void Dispose() => owner.Closed++;
    }
}
