using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>MQTT behind a <see cref="TelemetryClient"/>.</summary>
    internal sealed class MqttLink : TelemetryLink, IMqttListener
    {
        private const int Patience = 60000;
        private const string RekeyCommand = "rekey";
        private const int RekeyPause = 60000;

        private readonly TelemetryClient _client;
        private readonly IConnector _connector;
        private readonly TelemetryOptions _options;
        private readonly ITelemetryListener _listener;
        private readonly IClock _clock;
        private readonly MessageWindow _window;
        private MqttClient _mqtt;
        private IByteChannel _channel;
        private int _sequence;
        private long _rekeyedAt = -RekeyPause;
        private bool _rekeyIsDue;

        internal MqttLink(TelemetryClient client, IConnector connector, TelemetryOptions options, ITelemetryListener listener, IClock clock)
        {
            _client = client;
            _connector = connector;
            _options = options;
            _listener = listener;
            _clock = clock;
            _window = new MessageWindow(options.WindowSize);
        }

        internal override string DeviceId
        {
            get { return _connector.DeviceId; }
        }

        internal override int Unacknowledged
        {
            get { return _window.Count; }
        }

        internal override int FarewellTime
        {
            get { return 0; }
        }

        internal override int Send(string name, byte[] payload, int qualityOfService)
        {
            // All of it now: what is found wrong while sending would spoil every later connection, too.
            string topic = name == null ? null : Topic(name);
            if (!MqttTopic.IsName(topic) || payload == null || payload.Length > TelemetryClient.MaxPayload || qualityOfService < 0 || qualityOfService > 1)
            {
                throw new ArgumentException("The name is no topic (MQTT 3.1.1 s4.7), the payload is null or too large, or the QoS is neither 0 nor 1.");
            }

            lock (_client.Gate)
            {
                _client.ThrowIfEnded();
                OutgoingMessage message = new OutgoingMessage(_sequence + 1, topic, payload, qualityOfService);
                if (_mqtt == null)
                {
                    _window.Add(message);
                }
                else
                {
                    PublishNow(message);
                }

                return ++_sequence;
            }
        }

        // What a gateway makes of an LwM2M device's value (RFC 8428 s5).
        internal override int Send(string path, double value)
        {
            if (!Lwm2mPath.TryParse(path, out Lwm2mPath parsed) || parsed.Depth < 3 || double.IsNaN(value) || double.IsInfinity(value))
            {
                throw new ArgumentException("A value has the path of a resource, such as 3303/0/5700, and is a number.");
            }

            string full = parsed.ToString();
            byte[] buffer = new byte[96];
            SenmlWriter writer = new SenmlWriter(CoapContentFormat.SenmlJson, buffer, 0, buffer.Length, 1, full, 0);
            SenmlRecord record = new SenmlRecord();
            record.Name = full;
            record.Kind = SenmlKind.Number;
            record.Number = value;
            writer.Write(record);
            byte[] payload = new byte[writer.End()];
            Array.Copy(buffer, 0, payload, 0, payload.Length);
            return Send(full.Substring(1), payload, _options.QualityOfService);
        }

        internal override void Carry()
        {
            IByteChannel channel = _connector.Connect(out TlsConnectionInfo info);
            lock (_client.Gate)
            {
                _channel = channel;
                _client.ThrowIfEnded();
            }

            MqttClient mqtt = new MqttClient(channel, _window, _clock, this);
            mqtt.Connect(DeviceId, _options.KeepAlive, false);
            _client.TellConnected(info);
            if (_options.TakeCommands)
            {
                mqtt.Subscribe(Topic("cmd/#"), 1);
            }

            lock (_client.Gate)
            {
                mqtt.SendWindow();
                _mqtt = mqtt;
                _client.BecomeConnected();
            }

            // Messages of QoS 0 are gone with that.
            _client.TellProgress();
            do
            {
                mqtt.Process(Patience);
            }
            while (!_rekeyIsDue || !TryRekey());

            lock (_client.Gate)
            {
                Farewell();
            }
        }

        internal override void Leave()
        {
            lock (_client.Gate)
            {
                _mqtt = null;
                if (_channel != null)
                {
                    _channel.Close();
                }

                _channel = null;
            }
        }

        internal override void Farewell()
        {
            try
            {
                if (_mqtt != null)
                {
                    _mqtt.Disconnect();
                }
            }
            catch (PskException)
            {
                // Gone already.
            }

            if (_channel != null)
            {
                _channel.Close();
            }
        }

        internal override void Cancel()
        {
            _connector.Cancel();
        }

        void IMqttListener.OnAcknowledged(OutgoingMessage message)
        {
            _listener.OnAcknowledged(message.Sequence);
            _client.TellProgress();
        }

        void IMqttListener.OnMessage(MqttPublish message)
        {
            // What the server retained comes with each subscription: a command would be carried out at every connection.
            string prefix = Topic("cmd/");
            if (message.Retain || message.Topic.Length <= prefix.Length || !message.Topic.StartsWith(prefix))
            {
                return;
            }

            byte[] payload = new byte[message.PayloadCount];
            Array.Copy(message.Payload, message.PayloadOffset, payload, 0, payload.Length);
            string name = message.Topic.Substring(prefix.Length);
            _rekeyIsDue |= name == RekeyCommand && _options.TakeRekey;
            _listener.OnCommand(name, payload);
        }

        // The connection that brought the command stays meanwhile: without a new key nothing changes. Who repeats it, or retains it, costs
        // the device one attempt a minute.
        private bool TryRekey()
        {
            _rekeyIsDue = false;
            if (_clock.Now - _rekeyedAt < RekeyPause)
            {
                return false;
            }

            _rekeyedAt = _clock.Now;
            try
            {
                _listener.OnRekeyed(_connector.Rekey(), null);
                return true;
            }
            catch (PskException problem)
            {
                _listener.OnRekeyed(0, problem);
                return false;
            }
        }

        private string Topic(string name)
        {
            return _options.TopicPrefix + "/" + DeviceId + "/" + name;
        }

        // The window takes the message even if the connection turns out to be broken: the next one sends it.
        private void PublishNow(OutgoingMessage message)
        {
            try
            {
                _mqtt.Publish(message);
            }
            catch (PskException problem)
            {
                if (problem.Code == PskError.WindowFull)
                {
                    throw;
                }

                _channel.Close();
            }
        }
    }
}
