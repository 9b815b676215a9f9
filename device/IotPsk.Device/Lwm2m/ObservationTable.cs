namespace IotPsk.Device
{
    /// <summary>The observations of the server: a few, whatever it asks for.</summary>
    internal sealed class ObservationTable
    {
        internal const int Capacity = 8;

        private readonly Observation[] _entries = new Observation[Capacity];
        private readonly AttributeTable _attributes;
        private readonly ServerObject _defaults;

        internal ObservationTable(AttributeTable attributes, ServerObject defaults)
        {
            _attributes = attributes;
            _defaults = defaults;
        }

        internal int Count { get; private set; }

        internal Observation Get(int index)
        {
            return _entries[index];
        }

        // Null if the table is full: then the answer is an answer and no more (RFC 7641 s4.1).
        internal Observation Add(byte[] token, Lwm2mPath path, int format)
        {
            // RFC 7641 s4.1: the same token, or the same path again, replaces.
            Remove(token);
            for (int i = Count - 1; i >= 0; i--)
            {
                if (_entries[i].Path.IsSame(path) && _entries[i].Format == format)
                {
                    RemoveAt(i);
                }
            }

            if (Count == Capacity)
            {
                return null;
            }

            Observation observation = new Observation();
            observation.Token = token;
            observation.Path = path;
            observation.Format = format;
            _entries[Count++] = observation;
            return observation;
        }

        internal void Remove(byte[] token)
        {
            for (int i = Count - 1; i >= 0; i--)
            {
                if (IsSame(_entries[i].Token, token))
                {
                    RemoveAt(i);
                }
            }
        }

        internal void RemoveAt(int index)
        {
            Count--;
            _entries[index] = _entries[Count];
            _entries[Count] = null;
        }

        internal void Clear()
        {
            while (Count > 0)
            {
                RemoveAt(Count - 1);
            }
        }

        // The narrowest observation that covers a path; -1 if there is none.
        internal int Find(Lwm2mPath path)
        {
            int found = -1;
            for (int i = 0; i < Count; i++)
            {
                if (_entries[i].Path.Contains(path) && (found < 0 || _entries[i].Path.Depth > _entries[found].Path.Depth))
                {
                    found = i;
                }
            }

            return found;
        }

        internal void MarkChanged(Lwm2mPath path, double now)
        {
            for (int i = 0; i < Count; i++)
            {
                Observation observation = _entries[i];
                if (observation.Path.Contains(path))
                {
                    bool isWorth = observation.Path.Depth < 3 || _attributes.GetEffective(observation.Path).IsWorth(observation.Told, now);
                    observation.IsChanged |= isWorth;
                }
            }
        }

        // From when on a notification may go out (pmin).
        internal long GetEarliest(Observation observation)
        {
            int period = _attributes.GetEffective(observation.Path).MinimumPeriod;
            return observation.NotifiedAt + ((period < 0 ? _defaults.DefaultMinimumPeriod : period) * 1000L);
        }

        // When one has to go out (pmax); far away without.
        internal long GetLatest(Observation observation)
        {
            NotificationAttributes attributes = _attributes.GetEffective(observation.Path);
            int minimum = attributes.MinimumPeriod < 0 ? _defaults.DefaultMinimumPeriod : attributes.MinimumPeriod;
            int period = attributes.MaximumPeriod < 0 ? _defaults.DefaultMaximumPeriod : attributes.MaximumPeriod;
            // s5.1.2: a maximum below the minimum is ignored, and 0 is none.
            return period <= 0 || period < minimum ? long.MaxValue : observation.NotifiedAt + (period * 1000L);
        }

        internal long GetDue(Observation observation)
        {
            long latest = GetLatest(observation);
            long earliest = observation.IsChanged ? GetEarliest(observation) : long.MaxValue;
            return earliest < latest ? earliest : latest;
        }

        private static bool IsSame(byte[] one, byte[] other)
        {
            bool same = one.Length == other.Length;
            for (int i = 0; same && i < one.Length; i++)
            {
                same = one[i] == other[i];
            }

            return same;
        }
    }
}
