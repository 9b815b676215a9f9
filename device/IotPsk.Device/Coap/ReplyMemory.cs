using System;

namespace IotPsk.Device
{
    /// <summary>
    /// The short replies to the last few requests, for when one comes again (RFC 7252 s4.5). A server asks one thing at a time
    /// (NSTART is 1), so a few are enough.
    /// </summary>
    internal sealed class ReplyMemory
    {
        // Header, token, a block option, a few bytes more.
        internal const int Longest = 32;

        private const int Count = 8;

        // RFC 7252 s4.8.2, EXCHANGE_LIFETIME.
        private const int Lifetime = 247000;

        private readonly int[] _ids = new int[Count];
        private readonly long[] _times = new long[Count];
        private readonly int[] _lengths = new int[Count];
        private readonly byte[] _replies = new byte[Count * Longest];
        private int _used;
        private int _next;

        // Where the reply to a message is; -1 if the message is new.
        internal int Find(int messageId, long now)
        {
            for (int i = 0; i < _used; i++)
            {
                if (_ids[i] == messageId && now - _times[i] < Lifetime)
                {
                    return i;
                }
            }

            return -1;
        }

        internal int GetLength(int index)
        {
            return _lengths[index];
        }

        internal void Copy(int index, byte[] buffer)
        {
            Array.Copy(_replies, index * Longest, buffer, 0, _lengths[index]);
        }

        // No reply at all, too, is one: length 0.
        internal void Add(int messageId, long now, byte[] reply, int length)
        {
            _ids[_next] = messageId;
            _times[_next] = now;
            _lengths[_next] = length;
            Array.Copy(reply, 0, _replies, _next * Longest, length);
            _next = (_next + 1) % Count;
            _used = _used < Count ? _used + 1 : Count;
        }
    }
}
