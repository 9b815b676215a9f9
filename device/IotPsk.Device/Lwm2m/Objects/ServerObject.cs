using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Object 1, LwM2M Server: how this device is registered (OMA LwM2M 1.1 appendix E.2).</summary>
    public sealed class ServerObject : Lwm2mObject
    {
        /// <summary>The id of the object.</summary>
        public const int ObjectId = 1;

        private const int ShortServerId = 0;
        private const int LifetimeId = 1;
        private const int MinimumPeriodId = 2;
        private const int MaximumPeriodId = 3;
        private const int StoringId = 6;
        private const int BindingId = 7;
        private const int UpdateTriggerId = 8;
        private const int MuteSendId = 23;

        private static readonly int[] Resources =
        {
            ShortServerId, ResourceTraits.WholeNumber | ResourceTraits.Read,
            LifetimeId, ResourceTraits.WholeNumber | ResourceTraits.Read | ResourceTraits.Write,
            MinimumPeriodId, ResourceTraits.WholeNumber | ResourceTraits.Read | ResourceTraits.Write,
            MaximumPeriodId, ResourceTraits.WholeNumber | ResourceTraits.Read | ResourceTraits.Write,
            StoringId, ResourceTraits.Boolean | ResourceTraits.Read | ResourceTraits.Write,
            BindingId, ResourceTraits.Text | ResourceTraits.Read,
            UpdateTriggerId, ResourceTraits.Execute,
            MuteSendId, ResourceTraits.Boolean | ResourceTraits.Read | ResourceTraits.Write,
        };

        private readonly string _binding;
        private int _lifetime;
        private int _minimumPeriod;
        private int _maximumPeriod;

        /// <summary>The object.</summary>
        /// <param name="lifetime">For how many seconds a registration holds without an update, from 1.</param>
        /// <param name="binding">The transport and how it is used: U.</param>
        public ServerObject(int lifetime, string binding)
            : base(ObjectId, "1.1", 1, Resources)
        {
            _lifetime = lifetime;
            _binding = binding;
            IsStoring = true;
        }

        /// <summary>For how many seconds a registration holds without an update.</summary>
        public int Lifetime
        {
            get { return _lifetime; }
        }

        /// <summary>The least time between two notifications, in seconds, where the server wrote no other.</summary>
        public int DefaultMinimumPeriod
        {
            get { return _minimumPeriod; }
        }

        /// <summary>The longest time between two notifications, in seconds, where the server wrote no other; 0: none.</summary>
        public int DefaultMaximumPeriod
        {
            get { return _maximumPeriod; }
        }

        /// <summary>Whether values that were measured without a connection are kept and told later.</summary>
        public bool IsStoring { get; private set; }

        /// <summary>Whether the server wants no values that it does not observe.</summary>
        public bool IsMuted { get; private set; }

        // The server asked for an update, or something of the registration changed.
        internal bool WantsUpdate { get; set; }

        // It is the lifetime that changed.
        internal bool HasNewLifetime { get; set; }

        internal void Restore(int lifetime, bool isMuted)
        {
            _lifetime = lifetime;
            IsMuted = isMuted;
        }

        /// <inheritdoc/>
        public override bool Read(int instance, int resource, int index, SenmlRecord value)
        {
            switch (resource)
            {
                case ShortServerId: return Give(value, 1);
                case LifetimeId: return Give(value, _lifetime);
                case MinimumPeriodId: return Give(value, _minimumPeriod);
                case MaximumPeriodId: return Give(value, _maximumPeriod);
                case StoringId: return Give(value, IsStoring);
                case BindingId: return Give(value, _binding);
                default: return Give(value, IsMuted);
            }
        }

        /// <inheritdoc/>
        public override CoapCode Check(int instance, int resource, SenmlRecord value)
        {
            if (resource == StoringId || resource == MuteSendId)
            {
                return CoapCode.Changed;
            }

            int least = resource == LifetimeId ? 1 : 0;
            return value.WholeNumber >= least && value.WholeNumber <= int.MaxValue ? CoapCode.Changed : CoapCode.BadRequest;
        }

        /// <inheritdoc/>
        public override void Write(int instance, int resource, SenmlRecord value)
        {
            switch (resource)
            {
                case LifetimeId:
                    HasNewLifetime |= _lifetime != (int)value.WholeNumber;
                    _lifetime = (int)value.WholeNumber;
                    break;
                case MinimumPeriodId:
                    _minimumPeriod = (int)value.WholeNumber;
                    break;
                case MaximumPeriodId:
                    _maximumPeriod = (int)value.WholeNumber;
                    break;
                case StoringId:
                    IsStoring = value.Flag;
                    break;
                default:
                    IsMuted = value.Flag;
                    break;
            }

            WantsUpdate |= HasNewLifetime;
            Changed(instance, resource);
        }

        /// <inheritdoc/>
        public override CoapCode Execute(int instance, int resource, string arguments)
        {
            WantsUpdate = true;
            return CoapCode.Changed;
        }
    }
}
