namespace IotPsk.Device
{
    /// <summary>A connection that carries bytes both ways. One thread may receive while others send or close.</summary>
    public interface IByteChannel
    {
        /// <summary>Waits for bytes.</summary>
        /// <param name="buffer">Where to put them.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many fit, at least 1.</param>
        /// <param name="timeout">How long to wait, in milliseconds; 0 only looks.</param>
        /// <returns>How many came, 0 when the peer ended the connection in order, -1 when none came in time.</returns>
        /// <exception cref="PskException">The connection broke, or was closed here.</exception>
        int Receive(byte[] buffer, int offset, int count, int timeout);

        /// <summary>Sends bytes, all of them.</summary>
        /// <param name="buffer">The bytes.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <exception cref="PskException">The connection broke, is stuck, or was closed here.</exception>
        void Send(byte[] buffer, int offset, int count);

        /// <summary>Ends the connection; a thread that receives comes back. A second call does nothing.</summary>
        void Close();
    }
}
