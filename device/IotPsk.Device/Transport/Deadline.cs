using System;

namespace IotPsk.Device
{
    /// <summary>A point in time, measured with the uptime: no wall clock is needed, and setting one changes nothing.</summary>
    internal struct Deadline
    {
        private readonly long _at;

        internal Deadline(int milliseconds)
        {
            _at = Environment.TickCount64 + milliseconds;
        }

        // Milliseconds left, never negative.
        internal int Left
        {
            get
            {
                long left = _at - Environment.TickCount64;
                return left <= 0 ? 0 : left > int.MaxValue ? int.MaxValue : (int)left;
            }
        }
    }
}
