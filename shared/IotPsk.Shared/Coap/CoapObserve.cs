namespace IotPsk.Shared
{
    /// <summary>The value of the option Observe (RFC 7641 s2, s3.4).</summary>
    public static class CoapObserve
    {
        /// <summary>In a GET or FETCH: notify me from now on.</summary>
        public const int Register = 0;

        /// <summary>In a GET or FETCH: notify me no more.</summary>
        public const int Deregister = 1;

        /// <summary>The largest sequence number of a notification; 0 follows.</summary>
        public const int MaxSequence = 0xffffff;

        // Beyond this age order cannot be told by the numbers any more (s3.4).
        private const long FreshMilliseconds = 128000;
        private const int HalfRange = 1 << 23;

        /// <summary>Tells whether a notification is newer than the newest one so far (s3.4).</summary>
        /// <param name="newest">The sequence number of the newest one so far.</param>
        /// <param name="newestAt">When it came, in milliseconds of a monotonic clock.</param>
        /// <param name="sequence">The sequence number of the notification.</param>
        /// <param name="now">When this came.</param>
        /// <returns>True if it is.</returns>
        public static bool IsNewer(int newest, long newestAt, int sequence, long now)
        {
            return (newest < sequence && sequence - newest < HalfRange)
                || (newest > sequence && newest - sequence > HalfRange)
                || now > newestAt + FreshMilliseconds;
        }
    }
}
