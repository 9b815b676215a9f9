using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Goes through the values at and below a path that can be read and are there.</summary>
    internal sealed class ResourceCursor
    {
        private readonly Lwm2mObject[] _objects;
        private readonly SenmlRecord _value = new SenmlRecord();
        private Lwm2mPath _target;
        private Lwm2mObject _object;
        private int _objectIndex;
        private int _instance;
        private int _resourceIndex;
        private int _valueIndex;
        private int _traits;
        private Lwm2mPath _fixedPath;
        private double _fixedValue;
        private bool _hasFixed;

        internal ResourceCursor(Lwm2mObject[] objects)
        {
            _objects = objects;
        }

        internal SenmlRecord Value
        {
            get { return _value; }
        }

        internal int Instance
        {
            get { return _instance; }
        }

        internal int Resource
        {
            get { return _object.GetResource(_resourceIndex); }
        }

        internal int ValueIndex
        {
            get { return _valueIndex; }
        }

        internal bool IsMultiple
        {
            get { return (_traits & ResourceTraits.Multiple) != 0; }
        }

        internal Lwm2mPath Path
        {
            get { return new Lwm2mPath(_object.Id, _instance, Resource, IsMultiple ? _valueIndex : -1); }
        }

        internal void Start(Lwm2mPath target)
        {
            _target = target;
            _objectIndex = 0;
            _instance = 0;
            _resourceIndex = 0;
            _valueIndex = -1;
        }

        // From now on this value stands for that of the resource: one measured before.
        internal void Fix(Lwm2mPath path, double value)
        {
            _fixedPath = path;
            _fixedValue = value;
            _hasFixed = true;
        }

        internal void Unfix()
        {
            _hasFixed = false;
        }

        internal bool Next()
        {
            for (_valueIndex++; _objectIndex < _objects.Length; _objectIndex++, _instance = 0)
            {
                _object = _objects[_objectIndex];
                bool fits = _target.Depth == 0 || _object.Id == _target.ObjectId;
                for (; fits && _instance < _object.InstanceCount; _instance++, _resourceIndex = 0)
                {
                    if (_target.Depth > 1 && _instance != _target.Instance)
                    {
                        continue;
                    }

                    for (; _resourceIndex < _object.ResourceCount; _resourceIndex++, _valueIndex = 0)
                    {
                        if (TryRead())
                        {
                            return true;
                        }
                    }
                }
            }

            return false;
        }

        // From the present instance of the present resource on.
        private bool TryRead()
        {
            _traits = _object.GetTraits(_resourceIndex);
            int resource = Resource;
            if ((_traits & ResourceTraits.Read) == 0 || (_target.Depth > 2 && resource != _target.Resource))
            {
                return false;
            }

            int count = IsMultiple ? _object.GetCount(_instance, resource) : 1;
            for (; _valueIndex < count; _valueIndex++)
            {
                bool fits = _target.Depth < 4 || (IsMultiple && _valueIndex == _target.ResourceInstance);
                if (fits && ReadValue(resource))
                {
                    return true;
                }
            }

            return false;
        }

        private bool ReadValue(int resource)
        {
            _value.Unit = null;
            _value.Time = 0;
            _value.Text = null;
            _value.Data = null;
            bool read = _object.Read(_instance, resource, _valueIndex, _value);
            if (read && _hasFixed && _fixedPath.IsSame(new Lwm2mPath(_object.Id, _instance, resource, -1)))
            {
                _value.Kind = SenmlKind.Number;
                _value.Number = _fixedValue;
            }

            return read;
        }
    }
}
