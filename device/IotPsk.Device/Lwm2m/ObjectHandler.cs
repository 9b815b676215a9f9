using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Serves the objects of the device: read, discover, observe here; write and execute beside (OMA LwM2M 1.1 s6.3, s6.4).</summary>
    internal sealed partial class ObjectHandler : ICoapHandler, IResourceWatcher
    {
        /// <summary>The largest representation, and the largest write that is not streamed, in bytes.</summary>
        internal const int MaxBody = 2048;

        // ETag, Observe, Content-Format, Block2 and the marker.
        private const int AnswerOverhead = 20;

        // How long a representation is kept for those of its blocks that were not asked for yet, in milliseconds.
        private const int BodyLifetime = 60000;

        private readonly Lwm2mObject[] _objects;
        private readonly IClock _clock;
        private readonly object _lock;
        private readonly ResourceCursor _cursor;
        private readonly Representation _representation;
        private readonly AttributeTable _attributes = new AttributeTable();
        private readonly ObservationTable _observations;
        private readonly byte[] _body = new byte[MaxBody];
        private readonly byte[] _tag = new byte[4];
        private Lwm2mPath _bodyPath;
        private int _bodyFormat = -1;
        private int _bodyLength;
        private long _bodyAt;
        private Lwm2mPath _reporting;
        private bool _isReporting;

        internal ObjectHandler(Lwm2mObject[] objects, ServerObject server, IClock clock, object gate)
        {
            _objects = objects;
            _clock = clock;
            _lock = gate;
            _cursor = new ResourceCursor(objects);
            _representation = new Representation(_cursor);
            _observations = new ObservationTable(_attributes, server);
            for (int i = 0; i < objects.Length; i++)
            {
                objects[i].Watch(this);
            }
        }

        internal ObservationTable Observations
        {
            get { return _observations; }
        }

        internal AttributeTable Attributes
        {
            get { return _attributes; }
        }

        bool ICoapHandler.Heeds(int number)
        {
            return number == CoapOption.Accept || number == CoapOption.Block1 || number == CoapOption.Block2;
        }

        void ICoapHandler.OnRequest(CoapExchange exchange)
        {
            lock (_lock)
            {
                CoapCode problem = Lwm2mPath.TryRead(exchange.Request, out Lwm2mPath path) ? Answer(exchange, path) : CoapCode.NotFound;
                if (problem != CoapCode.Empty)
                {
                    exchange.Begin(problem);
                }
            }
        }

        void IResourceWatcher.OnChanged(Lwm2mPath path)
        {
            lock (_lock)
            {
                // What is reported goes out by itself.
                if (!_isReporting || !_reporting.IsSame(path))
                {
                    _observations.MarkChanged(path, GetNumber(path));
                }
            }
        }

        // Hands a measured value to its object. False if there is none that takes it.
        internal bool Report(Lwm2mPath path, double value)
        {
            Lwm2mObject target = Find(path.ObjectId);
            if (target == null || path.Depth != 3 || path.Instance >= target.InstanceCount)
            {
                return false;
            }

            _reporting = path;
            _isReporting = true;
            try
            {
                return target.Report(path.Instance, path.Resource, value);
            }
            finally
            {
                _isReporting = false;
            }
        }

        // The notification of an observation; the value of one resource may be an earlier one. False if there is nothing to tell.
        internal bool WriteNotification(CoapWriter writer, Observation observation)
        {
            int length = MakeBody(observation.Path, observation.Format);
            if (length < 0)
            {
                return false;
            }

            WriteBody(writer, observation.TakeSequence(), observation.Format, length, false, new CoapBlock(0, false, CoapBlock.MaxSize));
            observation.Told = GetNumber(observation.Path);
            return true;
        }

        internal ResourceCursor Cursor
        {
            get { return _cursor; }
        }

        // Not a number, unless it is a resource with one.
        internal double GetNumber(Lwm2mPath path)
        {
            _cursor.Start(path);
            bool isNumber = path.Depth >= 3 && _cursor.Next() && (_cursor.Value.Kind == SenmlKind.Number || _cursor.Value.Kind == SenmlKind.WholeNumber);
            return isNumber ? _cursor.Value.Number : double.NaN;
        }

        private CoapCode Answer(CoapExchange exchange, Lwm2mPath path)
        {
            CoapReader request = exchange.Request;
            if (request.Code == CoapCode.Get && path.Depth == 0)
            {
                return IsDiscover(request) ? Discover(exchange, path) : CoapCode.MethodNotAllowed;
            }

            CoapCode problem = Exists(path, out int traits);
            if (problem != CoapCode.Empty)
            {
                return problem;
            }

            switch (request.Code)
            {
                case CoapCode.Get:
                    return IsDiscover(request) ? Discover(exchange, path) : Read(exchange, path, traits);
                case CoapCode.Put:
                    return path.Depth < 2 && HasBody(request) ? CoapCode.MethodNotAllowed : Put(exchange, path);
                case CoapCode.Post:
                    return path.Depth == 3 && (traits & ResourceTraits.Write) == 0 ? Execute(exchange, path, traits)
                        : path.Depth < 2 ? CoapCode.MethodNotAllowed
                        : Write(exchange, path);
                default:
                    return CoapCode.MethodNotAllowed;
            }
        }

        private Lwm2mObject Find(int id)
        {
            for (int i = 0; i < _objects.Length; i++)
            {
                if (_objects[i].Id == id)
                {
                    return _objects[i];
                }
            }

            return null;
        }

        private CoapCode Exists(Lwm2mPath path, out int traits)
        {
            traits = 0;
            Lwm2mObject target = Find(path.ObjectId);
            if (target == null || path.Instance >= target.InstanceCount)
            {
                return CoapCode.NotFound;
            }

            if (path.Depth < 3)
            {
                return CoapCode.Empty;
            }

            int index = target.Find(path.Resource);
            traits = index < 0 ? 0 : target.GetTraits(index);
            bool isThere = index >= 0 && (path.Depth < 4 || ((traits & ResourceTraits.Multiple) != 0 && path.ResourceInstance < target.GetCount(path.Instance, path.Resource)));
            return isThere ? CoapCode.Empty : CoapCode.NotFound;
        }

        private static bool IsDiscover(CoapReader request)
        {
            return request.FindOption(CoapOption.Accept) && request.TryGetUInt(out uint accept) && accept == CoapContentFormat.LinkFormat;
        }

        private CoapCode Read(CoapExchange exchange, Lwm2mPath path, int traits)
        {
            CoapReader request = exchange.Request;
            if (path.Depth >= 3 && (traits & ResourceTraits.Read) == 0)
            {
                return CoapCode.MethodNotAllowed;
            }

            int format = Representation.GetDefault(path, traits);
            if (request.FindOption(CoapOption.Accept))
            {
                request.TryGetUInt(out uint accept);
                format = (int)accept;
            }

            if (!Representation.Fits(format, path, traits))
            {
                return CoapCode.NotAcceptable;
            }

            CoapBlock block = new CoapBlock(0, false, CoapBlock.MaxSize);
            bool hasBlock = request.FindOption(CoapOption.Block2);
            if (hasBlock && !(request.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out block)))
            {
                return CoapCode.BadRequest;
            }

            // Later blocks are of the same representation, as long as nothing else was asked for.
            bool isKept = block.Number > 0 && format == _bodyFormat && _bodyPath.IsSame(path) && _clock.Now - _bodyAt < BodyLifetime;
            int length = isKept ? _bodyLength : MakeBody(path, format);
            if (length < 0)
            {
                return CoapCode.NotFound;
            }

            if (block.Number > 0 && block.Offset >= length)
            {
                return CoapCode.BadRequest;
            }

            int sequence = block.Number == 0 ? Observe(request, path, format) : -1;
            WriteBody(exchange.Begin(CoapCode.Content), sequence, format, length, hasBlock, block);
            return CoapCode.Empty;
        }

        // The number for the option Observe of the answer; -1: it is not observed.
        private int Observe(CoapReader request, Lwm2mPath path, int format)
        {
            if (!request.FindOption(CoapOption.Observe) || !request.TryGetUInt(out uint action) || request.OptionLength > 3)
            {
                return -1;
            }

            byte[] token = new byte[request.TokenLength];
            Array.Copy(request.Buffer, request.TokenOffset, token, 0, token.Length);
            if (action != CoapObserve.Register)
            {
                // RFC 7641 s3.6.
                if (action == CoapObserve.Deregister)
                {
                    _observations.Remove(token);
                }

                return -1;
            }

            Observation observation = _observations.Add(token, path, format);
            if (observation == null)
            {
                return -1;
            }

            observation.NotifiedAt = _clock.Now;
            observation.Told = GetNumber(path);
            return observation.TakeSequence();
        }

        // Gives its length, or -1 if there is nothing.
        private int MakeBody(Lwm2mPath path, int format)
        {
            _bodyFormat = -1;
            _bodyLength = _representation.Write(path, format, _body);
            _bodyFormat = format;
            _bodyPath = path;
            _bodyAt = _clock.Now;
            return _bodyLength;
        }

        // The body, or the block of it that is asked for or fits (RFC 7959 s2.4).
        private void WriteBody(CoapWriter writer, int sequence, int format, int length, bool hasBlock, CoapBlock block)
        {
            bool isWhole = length + AnswerOverhead <= writer.Room && (!hasBlock || (block.Number == 0 && length <= block.Size));
            if (!isWhole)
            {
                WriteTag(length);
                writer.AddOption(CoapOption.ETag, _tag, 0, _tag.Length);
            }

            if (sequence >= 0)
            {
                writer.AddOption(CoapOption.Observe, (uint)sequence);
            }

            writer.AddOption(CoapOption.ContentFormat, (uint)format);
            if (isWhole)
            {
                writer.WritePayload(_body, 0, length);
                return;
            }

            int fits = CoapBlock.GetSize(writer.Room - AnswerOverhead);
            int size = block.Size < fits ? block.Size : fits;
            int offset = block.Offset;
            bool more = length - offset > size;
            writer.AddOption(CoapOption.Block2, new CoapBlock(offset / size, more, size).Value);
            if (offset == 0)
            {
                writer.AddOption(CoapOption.Size2, (uint)length);
            }

            writer.WritePayload(_body, offset, more ? size : length - offset);
        }

        // FNV-1a: blocks of different bodies are told apart.
        private void WriteTag(int length)
        {
            uint hash = 2166136261;
            for (int i = 0; i < length; i++)
            {
                hash = (hash ^ _body[i]) * 16777619;
            }

            for (int i = 0; i < _tag.Length; i++)
            {
                _tag[i] = (byte)(hash >> (8 * i));
            }
        }
    }
}
