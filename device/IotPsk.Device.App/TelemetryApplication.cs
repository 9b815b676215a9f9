using System;
using System.Threading;

namespace IotPsk.Device.App
{
    /// <summary>The application that is flashed: it measures in regular steps and sends what it measured, and may sleep in between.</summary>
    public sealed class TelemetryApplication : IDisposable
    {
        /// <summary>The resource of LwM2M that the temperature is the value of.</summary>
        public const string TemperaturePath = "3303/0/5700";

        // How long the last acknowledgements may take once somebody stopped the application, in milliseconds.
        private const int StopWait = 3000;
        private const int Slice = 200;
        private const int NetworkRetry = 5000;

        // How long after a new connection a command that was not known to be acknowledged may come again, in milliseconds.
        private const int RedeliveryWait = 3000;

        // Over LwM2M: the answer to the request goes out before, in milliseconds.
        private const int RestartDelay = 500;

        private readonly TelemetryClient _client;
        private readonly IBoard _board;
        private readonly TelemetrySettings _settings;
        private readonly ApplicationCommands _commands;
        private readonly IClock _clock;
        private readonly BoardObjects _objects;
        private readonly AutoResetEvent _wake = new AutoResetEvent(false);
        private bool _stopping;
        private bool _restarting;

        /// <summary>An application.</summary>
        /// <param name="client">The way to the server, not started yet; it is stopped at the end.</param>
        /// <param name="board">What is measured.</param>
        /// <param name="settings">How often.</param>
        /// <param name="clock">The clock.</param>
        public TelemetryApplication(TelemetryClient client, IBoard board, TelemetrySettings settings, IClock clock)
            : this(client, board, settings, clock, null)
        {
        }

        /// <summary>An application that speaks LwM2M.</summary>
        /// <param name="client">The way to the server, not started yet; it is stopped at the end.</param>
        /// <param name="board">What is measured.</param>
        /// <param name="settings">How often.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="objects">The objects of the client; null with MQTT.</param>
        public TelemetryApplication(TelemetryClient client, IBoard board, TelemetrySettings settings, IClock clock, BoardObjects objects)
        {
            _client = client;
            _board = board;
            _settings = settings;
            _commands = new ApplicationCommands(settings.Interval);
            _clock = clock;
            _objects = objects;
            if (objects != null)
            {
                objects.Attach(this);
            }
        }

        /// <summary>Milliseconds from one message to the next; a command may have changed it.</summary>
        public int Interval
        {
            get { return _commands.Interval; }
        }

        /// <summary>Runs until all messages are sent, the device sleeps or starts anew, or somebody ends it.</summary>
        /// <returns>True if the server acknowledged all messages that were to be sent.</returns>
        public bool Run()
        {
            int count = _settings.Sleeps ? 1 : _settings.Count;
            int counter = 0;
            bool complete = JoinNetwork();
            if (complete)
            {
                _client.Start();
            }

            while (!_stopping && !_client.HasEnded && (count == 0 || counter < count))
            {
                complete &= TrySend(++counter);
                if (count == 0 || counter < count)
                {
                    Pause();
                }

                if (_commands.WantsReboot && TryReboot())
                {
                    return complete;
                }
            }

            complete &= TryFlush();
            bool isDone = complete && (count == 0 ? _stopping : counter == count);
            End();
            return isDone;
        }

        /// <summary>Takes a command; the client's listener calls it.</summary>
        /// <param name="name">What follows <c>cmd/</c>: <c>interval</c> (seconds, 1 to 86400, until the next start) or <c>reboot</c>; over LwM2M the latter alone.</param>
        /// <param name="payload">The message.</param>
        /// <returns>False for a command that the application does not know.</returns>
        public bool OnCommand(string name, byte[] payload)
        {
            if (_settings.Protocol != TelemetryProtocol.Mqtt)
            {
                // There the client has answered already.
                bool isReboot = name == "reboot";
                if (isReboot)
                {
                    Restart();
                }

                return isReboot;
            }

            bool known = _commands.TryTake(name, payload, _client.Connections);
            _wake.Set();
            return known;
        }

        /// <summary>Starts the device anew, soon; from any thread.</summary>
        public void Restart()
        {
            _restarting = true;
            Stop();
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

        // Tried until it is there: without a network nothing else is of use.
        private bool JoinNetwork()
        {
            while (!_stopping)
            {
                if (_board.TryJoinNetwork(_settings.NetworkTimeout))
                {
                    return true;
                }

                _clock.Wait(_wake, NetworkRetry);
            }

            return false;
        }

        private void End()
        {
            if (_restarting)
            {
                _clock.Wait(new AutoResetEvent(false), RestartDelay);
                _client.Stop();
                _board.Reboot();
            }
            else if (_settings.Sleeps && !_stopping)
            {
                FallAsleep();
            }
            else
            {
                _client.Stop();
            }
        }

        private void FallAsleep()
        {
            // What waits for the device at the server comes now.
            if (_client.State == TelemetryState.Connected)
            {
                _clock.Wait(_wake, _settings.AwakeTime);
                if (_restarting)
                {
                    End();
                    return;
                }
            }

            byte[] state = _client.Sleep(Interval);
            if (state != null)
            {
                _board.KeepState(state);
            }

            _board.Sleep(Interval);
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

        // The server acknowledges the answer only after the client acknowledged the command, if both went over the same connection: from then on
        // it does not send the command again, and the board does not start anew for it at every connection. Answered over a later connection
        // the command may come again, and is answered again. Without an answer it is dropped: the server has it, or whoever gave it has none.
        private bool TryReboot()
        {
            int answered;
            do
            {
                SendReplies();
                answered = _commands.RebootConnection;
                if (!_commands.WantsReboot || !TryFlush())
                {
                    _commands.ForgetReboot();
                    return false;
                }

                AwaitRedelivery(answered);
            }
            while (_commands.RebootConnection != answered);

            _client.Stop();
            _board.Reboot();
            return true;
        }

        // Returns at once where the server is known to be rid of the command, and when the command came again.
        private void AwaitRedelivery(int answered)
        {
            long until = _clock.Now + (_client.Connections == answered ? 0 : RedeliveryWait);
            while (_clock.Now < until && !_stopping && _commands.RebootConnection == answered)
            {
                _clock.Wait(_wake, Slice);
            }
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
                if (_settings.Protocol == TelemetryProtocol.Mqtt)
                {
                    _client.Send(TelemetryMessage.TopicName, TelemetryMessage.Measure(_client.DeviceId, counter, _board));
                    return true;
                }

                if (_board.TryReadTemperature(out int tenths))
                {
                    _client.Send(TemperaturePath, tenths / 10.0);
                    return true;
                }

                if (_objects != null)
                {
                    _objects.NoteSensorFault();
                }

                return false;
            }
            catch (PskException)
            {
                return false;
            }
        }
    }
}
