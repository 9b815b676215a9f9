namespace IotPsk.Device
{
    /// <summary>Carries messages to one peer and back; some get lost, none is changed or doubled.</summary>
    public interface IMessageChannel
    {
        /// <summary>Sends a message.</summary>
        /// <param name="buffer">The message.</param>
        /// <param name="offset">Where it begins.</param>
        /// <param name="count">Its length, at least 1.</param>
        /// <exception cref="PskException">It is too long, or the channel is over.</exception>
        void Send(byte[] buffer, int offset, int count);

        /// <summary>Waits for a message.</summary>
        /// <param name="buffer">Where to put it.</param>
        /// <param name="timeout">How long to wait, in milliseconds; 0 only looks.</param>
        /// <returns>Its length; 0 when the peer ended the channel; -1 when none came in time.</returns>
        /// <exception cref="PskException">The channel is over, or the buffer too small.</exception>
        int Receive(byte[] buffer, int timeout);
    }
}
