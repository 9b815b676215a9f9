using System.Threading;

namespace IotPsk.Device
{
    /// <summary>Time as a device has it: since its start, not of day.</summary>
    public interface IClock
    {
        /// <summary>Milliseconds since some point in the past.</summary>
        long Now { get; }

        /// <summary>Waits.</summary>
        /// <param name="signal">Ends the wait when it is set.</param>
        /// <param name="milliseconds">The longest wait.</param>
        /// <returns>True if the signal was set.</returns>
        bool Wait(AutoResetEvent signal, int milliseconds);
    }
}
