using System;

namespace IotPsk.Device
{
    /// <summary>An association that can be put to sleep.</summary>
    public interface IMessageSession : IMessageChannel, IDisposable
    {
        /// <summary>Saves the association and ends it here; the server is not told.</summary>
        /// <exception cref="PskException">It could not be saved, and is lost.</exception>
        void Sleep();
    }
}
