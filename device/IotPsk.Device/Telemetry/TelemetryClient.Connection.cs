using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // The thread that connects, and connects again.
    public sealed partial class TelemetryClient
    {
        // A connection that lasted this long counts as a good one: the waits begin anew. Until then a server that ends each
        // connection, or a second device of the same name, makes them longer.
        private const int GoodAfter = 60000;
        private const int Patience = 60000;

        private long _connectedAt;

        void IMqttListener.OnAcknowledged(OutgoingMessage message)
        {
            _listener.OnAcknowledged(message.Sequence);
            _acknowledged.Set();
        }

        void IMqttListener.OnMessage(MqttPublish message)
        {
            string prefix = Topic("cmd/");
            if (message.Topic.Length <= prefix.Length || !message.Topic.StartsWith(prefix))
            {
                return;
            }

            byte[] payload = new byte[message.PayloadCount];
            Array.Copy(message.Payload, message.PayloadOffset, payload, 0, payload.Length);
            _listener.OnCommand(message.Topic.Substring(prefix.Length), payload);
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

        // One connection, from beginning to end.
        private PskException Attempt()
        {
            _connectedAt = -1;
            try
            {
                IByteChannel channel = _connector.Connect(out TlsConnectionInfo info);
                if (!Enter(channel))
                {
                    return new PskException(PskError.Closed);
                }

                MqttClient mqtt = new MqttClient(channel, _window, _clock, this);
                mqtt.Connect(DeviceId, _options.KeepAlive, false);
                _connectedAt = _clock.Now;
                _listener.OnConnected(info);
                if (_options.TakeCommands)
                {
                    mqtt.Subscribe(Topic("cmd/#"), 1);
                }

                lock (_lock)
                {
                    mqtt.SendWindow();
                    _mqtt = mqtt;
                    _state = TelemetryState.Connected;
                }

                // Messages of QoS 0 are gone with that.
                _acknowledged.Set();
                for (; ;)
                {
                    mqtt.Process(Patience);
                }
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

        private bool Enter(IByteChannel channel)
        {
            lock (_lock)
            {
                _channel = channel;
                return !_stopping;
            }
        }

        private void Leave()
        {
            lock (_lock)
            {
                _mqtt = null;
                if (_channel != null)
                {
                    _channel.Close();
                }

                _channel = null;
            }

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
