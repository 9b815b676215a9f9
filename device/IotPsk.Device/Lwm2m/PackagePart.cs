namespace IotPsk.Device
{
    /// <summary>A part of something long. One object is used for all of them.</summary>
    public sealed class PackagePart
    {
        /// <summary>The array with the bytes.</summary>
        public byte[] Buffer { get; internal set; }

        /// <summary>Where they begin in the array.</summary>
        public int Offset { get; internal set; }

        /// <summary>How many there are.</summary>
        public int Count { get; internal set; }

        /// <summary>Where they stand in the whole, in bytes.</summary>
        public int Position { get; internal set; }

        /// <summary>Whether others follow.</summary>
        public bool IsMore { get; internal set; }

        /// <summary>The size of the whole, in bytes; -1 if it is not told.</summary>
        public int Total { get; internal set; }
    }
}
