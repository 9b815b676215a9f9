namespace IotPsk.Device
{
    /// <summary>The attempt to connect that goes on at the moment, so that another thread can end it.</summary>
    public sealed class ConnectionAttempt
    {
        private readonly object _lock = new object();
        private IByteChannel _channel;
        private bool _cancelled;

        /// <summary>Whether <see cref="Cancel"/> was called.</summary>
        public bool IsCancelled
        {
            get
            {
                lock (_lock)
                {
                    return _cancelled;
                }
            }
        }

        /// <summary>Ends the attempt that goes on, and all that come: they fail with <see cref="PskError.Closed"/>.</summary>
        public void Cancel()
        {
            IByteChannel channel;
            lock (_lock)
            {
                _cancelled = true;
                channel = _channel;
                _channel = null;
            }

            if (channel != null)
            {
                channel.Close();
            }
        }

        // From now on cancelling closes this channel.
        internal void Enter(IByteChannel channel)
        {
            lock (_lock)
            {
                if (!_cancelled)
                {
                    _channel = channel;
                    return;
                }
            }

            channel.Close();
            throw new PskException(PskError.Closed);
        }

        // The connection is made, or given up.
        internal void Leave()
        {
            lock (_lock)
            {
                _channel = null;
            }
        }
    }
}
