using System;
using System.Threading;

namespace IotPsk.Device.App
{
    /// <summary>The application that is flashed: it measures in regular steps and sends what it measured.</summary>
    public sealed class TelemetryApplication : IDisposable
    {
        // How long the last acknowledgements may take once somebody stopped the application, in milliseconds.
        private const int StopWait = 3000;
        private const int Slice = 200;

        private readonly TelemetryClient _client;
        private readonly IBoard _board;
        private readonly TelemetrySettings _settings;
        private readonly IClock _clock;
        private readonly AutoResetEvent _stop = new AutoResetEvent(false);
        private bool _stopping;

        /// <summary>An application.</summary>
        /// <param name="client">The way to the server, not started yet; it is stopped at the end.</param>
        /// <param name="board">What is measured.</param>
        /// <param name="settings">How often.</param>
        /// <param name="clock">The clock.</param>
        public TelemetryApplication(TelemetryClient client, IBoard board, TelemetrySettings settings, IClock clock)
        {
            _client = client;
            _board = board;
            _settings = settings;
            _clock = clock;
        }

        /// <summary>Runs until all messages are sent, or somebody ends it.</summary>
        /// <returns>True if the server acknowledged all messages that were to be sent.</returns>
        public bool Run()
        {
            _client.Start();
            int counter = 0;
            bool complete = true;
            while (!_stopping && !_client.HasEnded && (_settings.Count == 0 || counter < _settings.Count))
            {
                complete &= TrySend(++counter);
                if (_settings.Count == 0 || counter < _settings.Count)
                {
                    _clock.Wait(_stop, _settings.Interval);
                }
            }

            complete &= TryFlush();
            _client.Stop();
            return complete && (_settings.Count == 0 ? _stopping : counter == _settings.Count);
        }

        /// <summary>Ends the application soon; from any thread.</summary>
        public void Stop()
        {
            _stopping = true;
            _stop.Set();
        }

        /// <summary>As <see cref="Stop"/>.</summary>
        public void Dispose()
        {
            Stop();
        }

        // Who stops the application does not want to wait for a server that is away.
        private bool TryFlush()
        {
            for (int left = _settings.LastWait; left > 0; left -= Slice)
            {
                if (_client.Flush(left < Slice ? left : Slice))
                {
                    return true;
                }

                if (_client.HasEnded || (_stopping && _client.State != TelemetryState.Connected))
                {
                    return false;
                }

                if (_stopping && left > StopWait)
                {
                    left = StopWait;
                }
            }

            return _client.Unacknowledged == 0;
        }

        // A measurement that finds the window full is lost: the newest values matter less than the order of the old ones.
        private bool TrySend(int counter)
        {
            try
            {
                _client.Send(TelemetryMessage.TopicName, TelemetryMessage.Measure(_client.DeviceId, counter, _board));
                return true;
            }
            catch (PskException)
            {
                return false;
            }
        }
    }
}
