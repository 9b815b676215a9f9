namespace IotPsk.Device
{
    /// <summary>Makes connections to the server of a device.</summary>
    public interface IConnector
    {
        /// <summary>The name of the device.</summary>
        string DeviceId { get; }

        /// <summary>Makes a connection.</summary>
        /// <param name="info">What TLS agreed on; null without TLS.</param>
        /// <returns>The connection.</returns>
        /// <exception cref="PskException">It cannot be made.</exception>
        IByteChannel Connect(out TlsConnectionInfo info);

        /// <summary>Gets the credential of the fleet's newest epoch; connections made from then on use it.</summary>
        /// <returns>Its epoch.</returns>
        /// <exception cref="PskException">The server gives none, or cannot be reached.</exception>
        int Rekey();

        /// <summary>Ends the attempt that another thread makes, and all that come: they fail with <see cref="PskError.Closed"/>. Connections made live on.</summary>
        void Cancel();
    }
}
