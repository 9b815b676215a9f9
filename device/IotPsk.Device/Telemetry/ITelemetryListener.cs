namespace IotPsk.Device
{
    /// <summary>Hears what becomes of an application's telemetry. Called on the client's own thread, which waits meanwhile.</summary>
    public interface ITelemetryListener
    {
        /// <summary>The device is connected.</summary>
        /// <param name="info">What TLS agreed on.</param>
        void OnConnected(TlsConnectionInfo info);

        /// <summary>The connection ended, or could not be made.</summary>
        /// <param name="problem">Why.</param>
        /// <param name="retryIn">Milliseconds to the next attempt; -1 if there is none.</param>
        void OnDisconnected(PskException problem, int retryIn);

        /// <summary>The server has a message.</summary>
        /// <param name="sequence">What <see cref="TelemetryClient.Send(string, byte[])"/> returned for it.</param>
        void OnAcknowledged(int sequence);

        /// <summary>A command came for this device; it may come twice.</summary>
        /// <param name="name">What follows "cmd/" in its topic.</param>
        /// <param name="payload">Its content.</param>
        void OnCommand(string name, byte[] payload);

        /// <summary>The device was told to get the key of the newest epoch (the command "rekey"), and tried. With a new key it connects anew.</summary>
        /// <param name="epoch">The epoch of the new key; 0 if there is none.</param>
        /// <param name="problem">Why there is none, else null.</param>
        void OnRekeyed(int epoch, PskException problem);
    }
}
