using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// Object 5, Firmware Update (OMA LwM2M 1.1 appendix E.6): a package is pushed to it in blocks, or pulled from the server by its URI,
    /// and streamed into a sink; nothing of it is kept in memory.
    /// </summary>
    public sealed class FirmwareObject : Lwm2mObject
    {
        /// <summary>The id of the object.</summary>
        public const int ObjectId = 5;

        private const int Package = 0;
        private const int PackageUri = 1;
        private const int Update = 2;
        private const int StateId = 3;
        private const int ResultId = 5;
        private const int PackageName = 6;
        private const int PackageVersion = 7;
        private const int ProtocolSupport = 8;
        private const int DeliveryMethod = 9;

        // CoAP and CoAPS; pull and push.
        private const int CoapSecure = 1;
        private const int PullAndPush = 2;

        private static readonly int[] Resources =
        {
            Package, ResourceTraits.Opaque | ResourceTraits.Write,
            PackageUri, ResourceTraits.Text | ResourceTraits.Read | ResourceTraits.Write,
            Update, ResourceTraits.Execute,
            StateId, ResourceTraits.WholeNumber | ResourceTraits.Read,
            ResultId, ResourceTraits.WholeNumber | ResourceTraits.Read,
            PackageName, ResourceTraits.Text | ResourceTraits.Read,
            PackageVersion, ResourceTraits.Text | ResourceTraits.Read,
            ProtocolSupport, ResourceTraits.WholeNumber | ResourceTraits.Read | ResourceTraits.Multiple,
            DeliveryMethod, ResourceTraits.WholeNumber | ResourceTraits.Read,
        };

        private readonly IFirmwareSink _sink;
        private FirmwareState _state;
        private FirmwareResult _result;
        private string _uri = string.Empty;
        private int _received;
        private bool _isPulling;

        /// <summary>The object.</summary>
        /// <param name="sink">Where packages go.</param>
        /// <param name="result">What became of the update before this start; <see cref="FirmwareResult.Initial"/> if there was none.</param>
        public FirmwareObject(IFirmwareSink sink, FirmwareResult result)
            : base(ObjectId, null, 1, Resources)
        {
            _sink = sink;
            _result = result;
        }

        /// <summary>Where the update is.</summary>
        public FirmwareState State
        {
            get { return _state; }
        }

        /// <summary>What became of it.</summary>
        public FirmwareResult Result
        {
            get { return _result; }
        }

        /// <summary>How many bytes of the package came in.</summary>
        public int Received
        {
            get { return _received; }
        }

        // What is to be pulled; null if nothing is.
        internal string PullUri
        {
            get { return _isPulling ? _uri : null; }
        }

        /// <inheritdoc/>
        public override int GetCount(int instance, int resource)
        {
            return 1;
        }

        /// <inheritdoc/>
        public override bool Read(int instance, int resource, int index, SenmlRecord value)
        {
            switch (resource)
            {
                case PackageUri: return Give(value, _uri);
                case StateId: return Give(value, (int)_state);
                case ResultId: return Give(value, (int)_result);
                case PackageName: return Give(value, _sink.PackageName);
                case PackageVersion: return Give(value, _sink.PackageVersion);
                case ProtocolSupport: return Give(value, CoapSecure);
                default: return Give(value, PullAndPush);
            }
        }

        /// <inheritdoc/>
        public override CoapCode Check(int instance, int resource, SenmlRecord value)
        {
            if (resource == Package)
            {
                // Beside other resources: only what ends an update is short enough.
                return IsReset(value.Data, 0, value.Data.Length) ? CoapCode.Changed : CoapCode.BadRequest;
            }

            // E.6: a URI begins an update; an empty one ends it.
            bool fits = value.Text.Length == 0 ? _state != FirmwareState.Updating : _state == FirmwareState.Idle;
            return !fits ? CoapCode.MethodNotAllowed : value.Text.Length > 255 ? CoapCode.BadRequest : CoapCode.Changed;
        }

        /// <inheritdoc/>
        public override void Write(int instance, int resource, SenmlRecord value)
        {
            if (resource == Package || value.Text.Length == 0)
            {
                Reset();
                return;
            }

            _uri = value.Text;
            _received = 0;
            _isPulling = true;
            Become(FirmwareState.Downloading, FirmwareResult.Initial);
        }

        /// <inheritdoc/>
        public override bool IsStreamed(int resource)
        {
            return resource == Package;
        }

        /// <inheritdoc/>
        public override CoapCode TakePart(int resource, PackagePart part)
        {
            if (part.Position == 0 && !part.IsMore && IsReset(part.Buffer, part.Offset, part.Count))
            {
                if (_state == FirmwareState.Updating)
                {
                    return CoapCode.MethodNotAllowed;
                }

                Reset();
                return CoapCode.Changed;
            }

            if (_isPulling || _state == FirmwareState.Downloaded || _state == FirmwareState.Updating)
            {
                return CoapCode.MethodNotAllowed;
            }

            if (part.Position == 0 && !TryBegin(part.Total))
            {
                return CoapCode.RequestEntityTooLarge;
            }

            if (_state != FirmwareState.Downloading || part.Position > _received)
            {
                // RFC 7959 s2.9.2: a block before this one is missing.
                return CoapCode.RequestEntityIncomplete;
            }

            // A block that is here already came again in a message of its own.
            bool isNew = part.Position == _received;
            if (isNew && !TryAppend(part.Buffer, part.Offset, part.Count))
            {
                return CoapCode.RequestEntityTooLarge;
            }

            return part.IsMore ? CoapCode.Continue : Complete() ? CoapCode.Changed : CoapCode.UnsupportedContentFormat;
        }

        /// <inheritdoc/>
        public override CoapCode Execute(int instance, int resource, string arguments)
        {
            if (_state != FirmwareState.Downloaded)
            {
                return CoapCode.MethodNotAllowed;
            }

            Become(FirmwareState.Updating, FirmwareResult.Initial);
            if (!_sink.Apply())
            {
                // E.6: the package stays, so that it can be tried again.
                Become(FirmwareState.Downloaded, FirmwareResult.UpdateFailed);
            }

            return CoapCode.Changed;
        }

        // A package is to be pulled from its beginning.
        internal bool TryBegin(int size)
        {
            _received = 0;
            if (_sink.Begin(size))
            {
                Become(FirmwareState.Downloading, FirmwareResult.Initial);
                return true;
            }

            Fail(FirmwareResult.NoStorage);
            return false;
        }

        internal bool TryAppend(byte[] buffer, int offset, int count)
        {
            if (count > 0 && !_sink.Write(buffer, offset, count))
            {
                Fail(FirmwareResult.NoStorage);
                return false;
            }

            _received += count;
            return true;
        }

        internal bool Complete()
        {
            _isPulling = false;
            if (!_sink.Finish())
            {
                Fail(FirmwareResult.IntegrityFailed);
                return false;
            }

            Become(FirmwareState.Downloaded, FirmwareResult.Initial);
            return true;
        }

        internal void Fail(FirmwareResult result)
        {
            _isPulling = false;
            _sink.Abort();
            Become(FirmwareState.Idle, result);
        }

        // E.6: one zero byte ends an update.
        private static bool IsReset(byte[] data, int offset, int count)
        {
            return count == 0 || (count == 1 && data[offset] == 0);
        }

        private void Reset()
        {
            if (_state != FirmwareState.Idle)
            {
                _sink.Abort();
            }

            _isPulling = false;
            _uri = string.Empty;
            _received = 0;
            Become(FirmwareState.Idle, FirmwareResult.Initial);
        }

        private void Become(FirmwareState state, FirmwareResult result)
        {
            bool isOtherState = state != _state;
            bool isOtherResult = result != _result;
            _state = state;
            _result = result;
            if (isOtherState)
            {
                Changed(0, StateId);
            }

            if (isOtherResult)
            {
                Changed(0, ResultId);
            }
        }
    }
}
