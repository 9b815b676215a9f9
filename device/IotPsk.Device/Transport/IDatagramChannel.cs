namespace IotPsk.Device
{
    /// <summary>A way for datagrams to one server and back. One thread may receive while others send or close.</summary>
    public interface IDatagramChannel
    {
        /// <summary>Waits for a datagram; what of it does not fit is lost.</summary>
        /// <param name="buffer">Where to put it.</param>
        /// <param name="timeout">How long to wait, in milliseconds; 0 only looks.</param>
        /// <returns>Its length, or -1 when none came in time.</returns>
        /// <exception cref="PskException">The channel was closed here.</exception>
        int Receive(byte[] buffer, int timeout);

        /// <summary>Sends a datagram. That it was sent does not say that it arrives, nor that anybody is there.</summary>
        /// <param name="buffer">The datagram.</param>
        /// <param name="count">Its length.</param>
        /// <exception cref="PskException">The channel was closed here.</exception>
        void Send(byte[] buffer, int count);

        /// <summary>Ends the channel; a thread that receives comes back. A second call does nothing.</summary>
        void Close();
    }
}
