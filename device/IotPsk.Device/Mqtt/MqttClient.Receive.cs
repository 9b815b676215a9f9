using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // What comes from the server.
    public sealed partial class MqttClient
    {
        /// <summary>The largest packet that is delivered, in bytes; of a larger message only the acknowledgement is sent.</summary>
        public const int MaxPacket = 2048;

        private readonly byte[] _input = new byte[MaxPacket];
        private readonly MqttPublish _publish = new MqttPublish();
        private readonly MqttConnAck _connAck = new MqttConnAck();
        private readonly MqttSubAck _subAck = new MqttSubAck();
        private int _inputCount;
        private int _skip;
        private bool _connected;
        private bool _sessionPresent;
        private int _subscription;
        private string _filter;

        private void ReceivePackets(int timeout)
        {
            int received = _channel.Receive(_input, _inputCount, _input.Length - _inputCount, timeout);
            if (received < 0)
            {
                return;
            }

            if (received == 0)
            {
                throw new PskException(PskError.Closed, "the server ended the session");
            }

            _inputCount += received;
            int at = 0;
            while (HandleOne(ref at))
            {
            }

            _inputCount -= at;
            Array.Copy(_input, at, _input, 0, _inputCount);
        }

        // Handles one packet; false when there is no whole one.
        private bool HandleOne(ref int at)
        {
            if (_skip > 0)
            {
                int skipped = _skip < _inputCount - at ? _skip : _inputCount - at;
                _skip -= skipped;
                at += skipped;
            }

            MqttReadStatus status = MqttFixedHeader.TryRead(_input, at, _inputCount - at, out MqttFixedHeader header);
            if (status == MqttReadStatus.NeedMoreData)
            {
                return false;
            }

            if (status == MqttReadStatus.Malformed || !MqttPacket.IsLengthRight(header))
            {
                throw Broken("a malformed packet");
            }

            int length = header.HeaderLength + header.RemainingLength;
            int available = _inputCount - at;
            if (length > _input.Length)
            {
                // Once its head fills the buffer: that tells how to acknowledge it, and the rest is dropped.
                if (available == _input.Length)
                {
                    SkipLarge(header, length);
                    at = available;
                }

                return false;
            }

            if (available < length)
            {
                return false;
            }

            Handle(header, at + header.HeaderLength);
            at += length;
            return true;
        }

        private void SkipLarge(MqttFixedHeader header, int length)
        {
            if (header.Type != MqttPacketType.Publish || !_connected)
            {
                throw Broken("an oversized packet");
            }

            _skip = length - _inputCount;
            int topic = (_input[header.HeaderLength] << 8) | _input[header.HeaderLength + 1];
            int at = header.HeaderLength + 2 + topic;
            if ((header.Flags & 6) != 0)
            {
                if (at + 2 > _inputCount)
                {
                    throw Broken("a topic that is too long");
                }

                Acknowledge((_input[at] << 8) | _input[at + 1]);
            }
        }

        private void Handle(MqttFixedHeader header, int at)
        {
            // Before CONNACK nothing else may come, after it no second one (s3.2).
            if (_connected == (header.Type == MqttPacketType.ConnAck))
            {
                throw Broken(_connected ? "a second CONNACK" : "a packet before CONNACK");
            }

            switch (header.Type)
            {
                case MqttPacketType.ConnAck:
                    HandleConnAck(header, at);
                    break;
                case MqttPacketType.PubAck:
                    HandlePubAck(header, at);
                    break;
                case MqttPacketType.Publish:
                    HandlePublish(header, at);
                    break;
                case MqttPacketType.SubAck:
                    HandleSubAck(header, at);
                    break;
                case MqttPacketType.PingResp:
                    _pingSent = -1;
                    break;
                default:
                    throw Broken("a packet that no client gets");
            }
        }

        private void HandleConnAck(MqttFixedHeader header, int at)
        {
            if (!_connAck.TryRead(header, _input, at))
            {
                throw Broken("a malformed CONNACK");
            }

            if (_connAck.ReturnCode != MqttConnAck.Accepted)
            {
                throw new PskException(_connAck.ReturnCode == MqttConnAck.ServerUnavailable ? PskError.MqttUnavailable : PskError.MqttRefused, Explain(_connAck.ReturnCode));
            }

            _connected = true;
            _sessionPresent = _connAck.SessionPresent;
        }

        private void HandlePubAck(MqttFixedHeader header, int at)
        {
            if (!MqttPubAck.TryRead(header, _input, at, out int packetId))
            {
                throw Broken("a malformed PUBACK");
            }

            OutgoingMessage message = _window.Acknowledge(packetId);

            // Of a message that is not known: a repeated acknowledgement, nothing to do.
            if (message != null)
            {
                _listener.OnAcknowledged(message);
            }
        }

        private void HandlePublish(MqttFixedHeader header, int at)
        {
            if (!_publish.TryRead(header, _input, at))
            {
                throw Broken("a malformed PUBLISH");
            }

            // No subscription of ours allows QoS 2 (s3.9.3).
            if (_publish.QualityOfService > 1)
            {
                throw Broken("a message with QoS 2");
            }

            _listener.OnMessage(_publish);
            if (_publish.QualityOfService == 1)
            {
                Acknowledge(_publish.PacketId);
            }
        }

        private void HandleSubAck(MqttFixedHeader header, int at)
        {
            if (!_subAck.TryRead(header, _input, at) || _subAck.PacketId != _subscription || _subAck.ReturnCodes.Length != 1)
            {
                throw Broken("a SUBACK that fits no SUBSCRIBE");
            }

            if (_subAck.ReturnCodes[0] == MqttSubAck.Failure)
            {
                throw new PskException(PskError.SubscriptionRefused, _filter);
            }

            _subscription = 0;
        }

        private void Acknowledge(int packetId)
        {
            lock (_sendLock)
            {
                Send(MqttPubAck.Write(packetId, _output, 0));
            }
        }

        private static PskException Broken(string how)
        {
            return new PskException(PskError.MqttProtocol, how);
        }

        private static string Explain(int returnCode)
        {
            switch (returnCode)
            {
                case MqttConnAck.UnacceptableProtocolVersion: return "CONNACK 1, it does not speak MQTT 3.1.1";
                case MqttConnAck.IdentifierRejected: return "CONNACK 2, the client id is not allowed";
                case MqttConnAck.ServerUnavailable: return "CONNACK 3, it is not available now";
                case MqttConnAck.BadUserNameOrPassword: return "CONNACK 4, user name or password are wrong";
                case MqttConnAck.NotAuthorized: return "CONNACK 5, not authorised";
                default: return "CONNACK " + returnCode.ToString();
            }
        }
    }
}
