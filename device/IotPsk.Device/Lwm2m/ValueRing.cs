namespace IotPsk.Device
{
    /// <summary>Measured values that the server has not acknowledged yet, oldest first, in memory of fixed size.</summary>
    internal sealed class ValueRing
    {
        private readonly Lwm2mPath[] _paths;
        private readonly double[] _values;
        private readonly long[] _times;
        private readonly int[] _sequences;
        private int _first;
        private int _count;

        internal ValueRing(int capacity)
        {
            _paths = new Lwm2mPath[capacity];
            _values = new double[capacity];
            _times = new long[capacity];
            _sequences = new int[capacity];
        }

        internal int Count
        {
            get { return _count; }
        }

        internal bool IsFull
        {
            get { return _count == _values.Length; }
        }

        internal Lwm2mPath GetPath(int index)
        {
            return _paths[At(index)];
        }

        internal double GetValue(int index)
        {
            return _values[At(index)];
        }

        // When it was measured, in milliseconds of the device's clock.
        internal long GetTime(int index)
        {
            return _times[At(index)];
        }

        internal int GetSequence(int index)
        {
            return _sequences[At(index)];
        }

        internal void Add(Lwm2mPath path, double value, long time, int sequence)
        {
            int at = At(_count++);
            _paths[at] = path;
            _values[at] = value;
            _times[at] = time;
            _sequences[at] = sequence;
        }

        // Takes one out; those behind it move up.
        internal void RemoveAt(int index)
        {
            for (int i = index; i < _count - 1; i++)
            {
                int to = At(i);
                int from = At(i + 1);
                _paths[to] = _paths[from];
                _values[to] = _values[from];
                _times[to] = _times[from];
                _sequences[to] = _sequences[from];
            }

            _count--;
        }

        internal void RemoveFirst()
        {
            _first = (_first + 1) % _values.Length;
            _count--;
        }

        // -1 if it is there no more.
        internal int FindSequence(int sequence)
        {
            for (int i = 0; i < _count; i++)
            {
                if (_sequences[At(i)] == sequence)
                {
                    return i;
                }
            }

            return -1;
        }

        private int At(int index)
        {
            return (_first + index) % _values.Length;
        }
    }
}
