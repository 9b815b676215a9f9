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
        private readonly ApplicationCommands _commands;
        private readonly IClock _clock;
        private readonly AutoResetEvent _wake = new AutoResetEvent(false);
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
            _commands = new ApplicationCommands(settings.Interval);
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
                    Pause();
                }

                if (_commands.WantsReboot && TryReboot())
                {
                    return complete;
                }
            }

            complete &= TryFlush();
            _client.Stop();
            return complete && (_settings.Count == 0 ? _stopping : counter == _settings.Count);
        }

        /// <summary>Takes a command; the client's listener calls it.</summary>
        /// <param name="name">What follows <c>cmd/</c>: <c>interval</c> (seconds, 1 to 86400, until the next start) or <c>reboot</c>.</param>
        /// <param name="payload">The message.</param>
        /// <returns>False for a command that the application does not know.</returns>
        public bool OnCommand(string name, byte[] payload)
        {
            bool known = _commands.TryTake(name, payload);
            _wake.Set();
            return known;
        }

        /// <summary>Ends the application soon; from any thread.</summary>
        public void Stop()
        {
            _stopping = true;
            _wake.Set();
        }

        /// <summary>As <see cref="Stop"/>.</summary>
        public void Dispose()
        {
            Stop();
        }

        // Until the next measurement is due; answers go out meanwhile.
        private void Pause()
        {
            long start = _clock.Now;
            for (; ;)
            {
                SendReplies();
                long left = start + _commands.Interval - _clock.Now;
                if (left <= 0 || _stopping || _client.HasEnded || _commands.WantsReboot)
                {
                    return;
                }

                _clock.Wait(_wake, (int)left);
            }
        }

        // The server acknowledges the answer only after the client acknowledged the command, on the same connection: from then on the server does
        // not send the command again, and the board does not start anew for it at every connection. Without that the command is dropped: the
        // server has it, or whoever gave it has no answer.
        private bool TryReboot()
        {
            SendReplies();
            if (!_commands.WantsReboot || !TryFlush())
            {
                _commands.ForgetReboot();
                return false;
            }

            _client.Stop();
            _board.Reboot();
            return true;
        }

        private void SendReplies()
        {
            while (_commands.TryTakeReply(out string name, out byte[] payload))
            {
                try
                {
                    _client.Send(name, payload, 1);
                }
                catch (PskException)
                {
                    // The window is full of measurements: without an answer a reboot is none.
                    _commands.ForgetReboot();
                }
            }
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
