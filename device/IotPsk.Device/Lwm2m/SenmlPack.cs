namespace IotPsk.Device
{
    /// <summary>Values on their way: which they are, and how long the pack of them is.</summary>
    internal sealed class SenmlPack
    {
        private readonly int[] _sequences;
        private readonly Lwm2mPath _path;

        internal SenmlPack(Lwm2mPath path, int most)
        {
            _path = path;
            _sequences = new int[most];
        }

        // That of the first one.
        internal Lwm2mPath Path
        {
            get { return _path; }
        }

        internal int[] Sequences
        {
            get { return _sequences; }
        }

        internal int Count { get; private set; }

        internal bool IsFull
        {
            get { return Count == _sequences.Length; }
        }

        internal double LastValue { get; private set; }

        // Of the pack in bytes; 0 if none was written.
        internal int Length { get; set; }

        internal void Add(ValueRing ring, int index)
        {
            _sequences[Count++] = ring.GetSequence(index);
            LastValue = ring.GetValue(index);
        }
    }
}
