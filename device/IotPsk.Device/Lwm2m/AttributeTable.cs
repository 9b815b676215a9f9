namespace IotPsk.Device
{
    /// <summary>What the server wrote about notifications, for a few paths (OMA LwM2M 1.1 s5.1.2).</summary>
    internal sealed class AttributeTable
    {
        internal const int Capacity = 8;

        private readonly NotificationAttributes[] _entries = new NotificationAttributes[Capacity];

        internal int Count
        {
            get
            {
                int count = 0;
                for (int i = 0; i < Capacity; i++)
                {
                    count += _entries[i] == null ? 0 : 1;
                }

                return count;
            }
        }

        // Null where there are none.
        internal NotificationAttributes Get(int index)
        {
            return _entries[index];
        }

        internal NotificationAttributes Find(Lwm2mPath path)
        {
            for (int i = 0; i < Capacity; i++)
            {
                if (_entries[i] != null && _entries[i].Path.IsSame(path))
                {
                    return _entries[i];
                }
            }

            return null;
        }

        // In place of what the path had. False if there is no place left.
        internal bool Set(NotificationAttributes attributes)
        {
            int free = -1;
            for (int i = 0; i < Capacity; i++)
            {
                bool isSame = _entries[i] != null && _entries[i].Path.IsSame(attributes.Path);
                if (isSame || (_entries[i] == null && free < 0))
                {
                    free = i;
                }

                if (isSame)
                {
                    break;
                }
            }

            if (free < 0)
            {
                return attributes.IsEmpty;
            }

            _entries[free] = attributes.IsEmpty ? null : attributes;
            return true;
        }

        // What holds for a path: its own, else what stands above it (s5.1.2, "attachment").
        internal NotificationAttributes GetEffective(Lwm2mPath path)
        {
            NotificationAttributes effective = new NotificationAttributes(path);
            for (int depth = path.Depth; depth > 0; depth--)
            {
                NotificationAttributes own = Find(new Lwm2mPath(path.ObjectId, depth > 1 ? path.Instance : -1, depth > 2 ? path.Resource : -1, depth > 3 ? path.ResourceInstance : -1));
                if (own != null)
                {
                    effective.Inherit(own);
                }
            }

            return effective;
        }

        internal void Clear()
        {
            for (int i = 0; i < Capacity; i++)
            {
                _entries[i] = null;
            }
        }
    }
}
