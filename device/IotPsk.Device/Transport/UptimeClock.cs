using System;
using System.Threading;

namespace IotPsk.Device
{
    /// <summary>The uptime of the device.</summary>
    public sealed class UptimeClock : IClock
    {
        /// <inheritdoc/>
        public long Now
        {
            get { return Environment.TickCount64; }
        }

        /// <inheritdoc/>
        public bool Wait(AutoResetEvent signal, int milliseconds)
        {
            return signal.WaitOne(milliseconds, false);
        }
    }
}
