using System;

namespace IotPsk.Device
{
    // The thread that connects, and connects again.
    public sealed partial class TelemetryClient
    {
        // A connection that lasted this long counts as a good one: the waits begin anew. Until then a server that ends each
        // connection, or a second device of the same name, makes them longer.
        private const int GoodAfter = 60000;

        private long _connectedAt;

        internal object Gate
        {
            get { return _lock; }
        }

        internal bool IsConnected
        {
            get { return _state == TelemetryState.Connected; }
        }

        // With the lock held.
        internal void ThrowIfEnded()
        {
            if (_stopping || _state == TelemetryState.Ended)
            {
                throw new PskException(PskError.Closed);
            }
        }

        // With the lock held.
        internal void BecomeConnected()
        {
            if (!_stopping)
            {
                _state = TelemetryState.Connected;
            }
        }

        internal void TellConnected(TlsConnectionInfo info)
        {
            _connectedAt = _clock.Now;
            lock (_lock)
            {
                _connections++;
            }

            _listener.OnConnected(info);
        }

        internal void TellProgress()
        {
            _acknowledged.Set();
        }

        private void Run()
        {
            while (TryBegin())
            {
                PskException problem = Attempt();
                if (IsStopping())
                {
                    break;
                }

                if (problem == null)
                {
                    continue;
                }

                int wait = -1;
                if (_options.Reconnect)
                {
                    wait = problem.IsPermanent ? _backOff.Longest() : _backOff.Next();
                }

                // Before the application hears of it: it may ask.
                Become(wait < 0 ? TelemetryState.Ended : TelemetryState.Waiting);
                TellLoss(problem, wait);
                if (wait < 0)
                {
                    break;
                }

                _clock.Wait(_wake, wait);
            }

            Become(TelemetryState.Ended);
            _acknowledged.Set();
        }

        // One connection, from beginning to end; null if the next is to follow at once.
        private PskException Attempt()
        {
            _connectedAt = -1;
            try
            {
                _link.Carry();
                return null;
            }
            catch (PskException problem)
            {
                return problem;
            }
            catch (Exception problem)
            {
                // An application that throws in its listener must not end the telemetry of the device.
                return new PskException(PskError.HandlerFailed, problem.Message, problem);
            }
            finally
            {
                Leave();
            }
        }

        private void TellLoss(PskException problem, int wait)
        {
            try
            {
                _listener.OnDisconnected(problem, wait);
            }
            catch (Exception)
            {
                // It was the last to be told; there is nobody else, and the telemetry goes on.
            }
        }

        private void Leave()
        {
            _link.Leave();
            if (_connectedAt >= 0 && _clock.Now - _connectedAt >= GoodAfter)
            {
                _backOff.Reset();
            }
        }

        private bool TryBegin()
        {
            lock (_lock)
            {
                if (_stopping)
                {
                    return false;
                }

                _state = TelemetryState.Connecting;
                return true;
            }
        }

        private void Become(TelemetryState state)
        {
            lock (_lock)
            {
                _state = state;
            }
        }

        private bool IsStopping()
        {
            lock (_lock)
            {
                return _stopping;
            }
        }
    }
}
