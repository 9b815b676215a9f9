namespace IotPsk.Device
{
    /// <summary>Makes associations with the server of a device.</summary>
    public interface IDatagramConnector
    {
        /// <summary>The name of the device.</summary>
        string DeviceId { get; }

        /// <summary>The host and port of the server.</summary>
        string ServerAddress { get; }

        /// <summary>Goes on with the association that was saved, or makes one.</summary>
        /// <param name="info">What DTLS agreed on; null without DTLS.</param>
        /// <param name="isResumed">Whether it is the saved one.</param>
        /// <returns>The association.</returns>
        /// <exception cref="PskException">None can be made.</exception>
        IMessageSession Connect(out TlsConnectionInfo info, out bool isResumed);

        /// <summary>Ends the association, or the attempt to make one, and all that come: they fail with <see cref="PskError.Closed"/>. From any thread.</summary>
        void Cancel();
    }
}
