using System;

namespace IotPsk.Device
{
    /// <summary>How long to wait before the next attempt: doubling up to a limit, each time shortened by up to a half at random, so that a fleet does not come back all at once.</summary>
    public sealed class BackOff
    {
        private readonly int _first;
        private readonly int _most;
        private readonly Random _random;
        private int _next;

        /// <summary>A back-off.</summary>
        /// <param name="first">The longest first wait, in milliseconds, from 1.</param>
        /// <param name="most">The longest wait of all, in milliseconds, at least as much.</param>
        /// <param name="random">Where chance comes from; devices must differ in it.</param>
        public BackOff(int first, int most, Random random)
        {
            if (first < 1 || most < first)
            {
                throw new ArgumentOutOfRangeException(nameof(first));
            }

            _first = first;
            _most = most;
            _random = random;
            _next = first;
        }

        /// <summary>The next wait, in milliseconds.</summary>
        public int Next()
        {
            int wait = _next;
            _next = _next > _most / 2 ? _most : _next * 2;
            return wait - _random.Next((wait / 2) + 1);
        }

        /// <summary>The next wait, after a failure that time alone does not mend: the longest.</summary>
        public int Longest()
        {
            _next = _most;
            return Next();
        }

        /// <summary>It worked: begin anew.</summary>
        public void Reset()
        {
            _next = _first;
        }
    }
}
