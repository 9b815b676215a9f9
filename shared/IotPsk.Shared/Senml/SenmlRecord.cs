namespace IotPsk.Shared
{
    /// <summary>A SenML record that stands for itself: base values are worked in (RFC 8428 s4.6). One object can be used for many.</summary>
    public sealed class SenmlRecord
    {
        // s4.5.3: what is below is relative to now.
        private const double FirstAbsoluteTime = 268435456;

        /// <summary>The name, of letters, digits and <c>- : . / _</c>.</summary>
        public string Name { get; set; }

        /// <summary>The unit, for example <c>Cel</c>; null if none is given.</summary>
        public string Unit { get; set; }

        /// <summary>What the value is, and so where it stands.</summary>
        public SenmlKind Kind { get; set; }

        /// <summary>The value, if it is a number; of a whole number too.</summary>
        public double Number { get; set; }

        /// <summary>The value, if it is a whole number.</summary>
        public long WholeNumber { get; set; }

        /// <summary>The value, if it is text or an object link.</summary>
        public string Text { get; set; }

        /// <summary>The value, if it is false or true.</summary>
        public bool Flag { get; set; }

        /// <summary>The value, if it is bytes.</summary>
        public byte[] Data { get; set; }

        /// <summary>Whether there is a sum.</summary>
        public bool HasSum { get; set; }

        /// <summary>The integrated sum of the values over time.</summary>
        public double Sum { get; set; }

        /// <summary>The time in seconds: since 1970, or relative to now, see <see cref="IsTimeRelative"/>; 0 is now.</summary>
        public double Time { get; set; }

        /// <summary>Within how many seconds the next value is to be expected; 0 if it is not told.</summary>
        public double UpdateTime { get; set; }

        /// <summary>Whether the time is relative to now (RFC 8428 s4.5.3).</summary>
        public bool IsTimeRelative
        {
            get { return Time < FirstAbsoluteTime; }
        }

        /// <summary>Tells whether a text can be a name.</summary>
        /// <param name="name">The text; may be null.</param>
        /// <returns>
        /// True for letters, digits and <c>- : . / _</c> (RFC 8428 s4.5.1). It may begin with a slash, as the paths of LwM2M do.
        /// </returns>
        public static bool IsName(string name)
        {
            if (name == null || name.Length == 0)
            {
                return false;
            }

            for (int i = 0; i < name.Length; i++)
            {
                char c = name[i];
                bool right = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                    || c == '-' || c == ':' || c == '.' || c == '/' || c == '_';
                if (!right)
                {
                    return false;
                }
            }

            return true;
        }

        internal void Clear()
        {
            Name = null;
            Unit = null;
            Kind = SenmlKind.None;
            Number = 0;
            WholeNumber = 0;
            Text = null;
            Flag = false;
            Data = null;
            HasSum = false;
            Sum = 0;
            Time = 0;
            UpdateTime = 0;
        }
    }
}
