using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>An object of LwM2M with a fixed number of instances, 0 to N - 1, and the resources of each.</summary>
    public abstract class Lwm2mObject
    {
        private readonly int _id;
        private readonly string _version;
        private readonly int _instances;
        private readonly int[] _resources;
        private IResourceWatcher _watcher;

        /// <summary>An object.</summary>
        /// <param name="id">Its id.</param>
        /// <param name="version">Its version if it is not 1.0; else null.</param>
        /// <param name="instances">How many instances it has, from 1.</param>
        /// <param name="resources">Its resources, ascending: id and <see cref="ResourceTraits"/> in turn.</param>
        protected Lwm2mObject(int id, string version, int instances, int[] resources)
        {
            if (id < 0 || id > Lwm2mPath.MaxId || instances < 1 || resources == null || resources.Length % 2 != 0)
            {
                throw new ArgumentOutOfRangeException(nameof(id));
            }

            _id = id;
            _version = version;
            _instances = instances;
            _resources = resources;
        }

        /// <summary>Its id.</summary>
        public int Id
        {
            get { return _id; }
        }

        /// <summary>Its version; null is 1.0.</summary>
        public string Version
        {
            get { return _version; }
        }

        /// <summary>How many instances it has.</summary>
        public int InstanceCount
        {
            get { return _instances; }
        }

        internal int ResourceCount
        {
            get { return _resources.Length / 2; }
        }

        /// <summary>Reads a resource.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource, which can be read.</param>
        /// <param name="index">Which of its instances, from 0; 0 if it has none.</param>
        /// <param name="value">Takes the value, in the kind of its type.</param>
        /// <returns>False if it has no value now.</returns>
        public abstract bool Read(int instance, int resource, int index, SenmlRecord value);

        /// <summary>How many instances a multiple resource has.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource.</param>
        /// <returns>The number; they are 0 to that less 1.</returns>
        public virtual int GetCount(int instance, int resource)
        {
            return 1;
        }

        /// <summary>Checks a value before it is written.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource, which can be written.</param>
        /// <param name="value">The value, in the kind of its type.</param>
        /// <returns>2.04 if it may be written; else what the server is told.</returns>
        public virtual CoapCode Check(int instance, int resource, SenmlRecord value)
        {
            return CoapCode.Changed;
        }

        /// <summary>Writes a resource, after <see cref="Check"/> of it and all others of the same request.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource.</param>
        /// <param name="value">The value.</param>
        public virtual void Write(int instance, int resource, SenmlRecord value)
        {
        }

        /// <summary>Executes a resource. What ends the program waits until the answer is sent.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource, which can be executed.</param>
        /// <param name="arguments">What the server says to it; may be empty.</param>
        /// <returns>2.04, or why not.</returns>
        public virtual CoapCode Execute(int instance, int resource, string arguments)
        {
            return CoapCode.MethodNotAllowed;
        }

        /// <summary>Takes a value that the application measured.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource.</param>
        /// <param name="value">The value.</param>
        /// <returns>False if the resource is none that is measured.</returns>
        public virtual bool Report(int instance, int resource, double value)
        {
            return false;
        }

        /// <summary>Tells whether a resource takes what is written to it part by part, however long it is.</summary>
        /// <param name="resource">The resource, which can be written.</param>
        /// <returns>True if it does, by <see cref="TakePart"/>.</returns>
        public virtual bool IsStreamed(int resource)
        {
            return false;
        }

        /// <summary>Takes a part of what is written to a resource.</summary>
        /// <param name="resource">The resource.</param>
        /// <param name="part">The part and where it stands.</param>
        /// <returns>2.04 for the last part, 2.31 for the others, or why not.</returns>
        public virtual CoapCode TakePart(int resource, PackagePart part)
        {
            return CoapCode.MethodNotAllowed;
        }

        internal int GetResource(int index)
        {
            return _resources[index * 2];
        }

        internal int GetTraits(int index)
        {
            return _resources[(index * 2) + 1];
        }

        // -1 if there is no such resource.
        internal int Find(int resource)
        {
            for (int i = 0; i < _resources.Length; i += 2)
            {
                if (_resources[i] == resource)
                {
                    return i / 2;
                }
            }

            return -1;
        }

        internal void Watch(IResourceWatcher watcher)
        {
            _watcher = watcher;
        }

        /// <summary>To be called when a resource has another value, so that observers hear of it.</summary>
        /// <param name="instance">The object instance.</param>
        /// <param name="resource">The resource.</param>
        protected void Changed(int instance, int resource)
        {
            if (_watcher != null)
            {
                _watcher.OnChanged(new Lwm2mPath(_id, instance, resource, -1));
            }
        }

        /// <summary>Gives a whole number as the value.</summary>
        /// <param name="value">Takes it.</param>
        /// <param name="number">The number.</param>
        /// <returns>True.</returns>
        protected static bool Give(SenmlRecord value, long number)
        {
            value.Kind = SenmlKind.WholeNumber;
            value.WholeNumber = number;
            value.Number = number;
            return true;
        }

        /// <summary>Gives a number as the value.</summary>
        /// <param name="value">Takes it.</param>
        /// <param name="number">The number.</param>
        /// <returns>False if it is none that can be told.</returns>
        protected static bool Give(SenmlRecord value, double number)
        {
            value.Kind = SenmlKind.Number;
            value.Number = number;
            return !double.IsNaN(number) && !double.IsInfinity(number);
        }

        /// <summary>Gives text as the value.</summary>
        /// <param name="value">Takes it.</param>
        /// <param name="text">The text, or null.</param>
        /// <returns>False if there is none.</returns>
        protected static bool Give(SenmlRecord value, string text)
        {
            value.Kind = SenmlKind.Text;
            value.Text = text;
            return text != null;
        }

        /// <summary>Gives false or true as the value.</summary>
        /// <param name="value">Takes it.</param>
        /// <param name="flag">Which.</param>
        /// <returns>True.</returns>
        protected static bool Give(SenmlRecord value, bool flag)
        {
            value.Kind = SenmlKind.Flag;
            value.Flag = flag;
            return true;
        }
    }
}
