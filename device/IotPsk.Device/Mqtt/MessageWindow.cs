namespace IotPsk.Device
{
    /// <summary>The messages that wait for their acknowledgement, in the order in which they were sent. It outlives connections.</summary>
    internal sealed class MessageWindow
    {
        private readonly OutgoingMessage[] _messages;
        private readonly object _lock = new object();
        private int _count;
        private int _lastPacketId;

        internal MessageWindow(int capacity)
        {
            _messages = new OutgoingMessage[capacity];
        }

        internal int Count
        {
            get
            {
                lock (_lock)
                {
                    return _count;
                }
            }
        }

        // When the one that waits longest went out over the connection of now; -1 if none did.
        internal long AwaitedSince
        {
            get
            {
                lock (_lock)
                {
                    return _count > 0 && _messages[0].IsOut ? _messages[0].SentAt : -1;
                }
            }
        }

        // All of it in one step: another thread must not see a message that is out since nobody knows when.
        internal void MarkSent(OutgoingMessage message, long now)
        {
            lock (_lock)
            {
                message.SentAt = now;
                message.WasSent = true;
                message.IsOut = true;
            }
        }

        // The next one that did not go out over the connection of now; null if there is none.
        internal OutgoingMessage NextToSend()
        {
            lock (_lock)
            {
                for (int i = 0; i < _count; i++)
                {
                    if (!_messages[i].IsOut)
                    {
                        return _messages[i];
                    }
                }

                return null;
            }
        }

        internal void Add(OutgoingMessage message)
        {
            lock (_lock)
            {
                if (_count == _messages.Length)
                {
                    throw new PskException(PskError.WindowFull);
                }

                message.PacketId = NextPacketId();
                _messages[_count++] = message;
            }
        }

        // The message that the identifier belongs to, taken out; null if there is none.
        internal OutgoingMessage Acknowledge(int packetId)
        {
            lock (_lock)
            {
                for (int i = 0; i < _count; i++)
                {
                    if (_messages[i].PacketId == packetId)
                    {
                        OutgoingMessage found = _messages[i];
                        _count--;
                        for (int k = i; k < _count; k++)
                        {
                            _messages[k] = _messages[k + 1];
                        }

                        _messages[_count] = null;
                        return found;
                    }
                }

                return null;
            }
        }

        // A new connection: nothing of this is out on it.
        internal void Restart()
        {
            lock (_lock)
            {
                for (int i = 0; i < _count; i++)
                {
                    _messages[i].IsOut = false;
                }
            }
        }

        // An identifier that no message of the window has (MQTT 3.1.1 s2.3.1), never 0.
        internal int NextPacketId()
        {
            lock (_lock)
            {
                do
                {
                    _lastPacketId = _lastPacketId == 0xffff ? 1 : _lastPacketId + 1;
                }
                while (IsUsed(_lastPacketId));
                return _lastPacketId;
            }
        }

        private bool IsUsed(int packetId)
        {
            for (int i = 0; i < _count; i++)
            {
                if (_messages[i].PacketId == packetId)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
