using System;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // Write, write attributes, execute (OMA LwM2M 1.1 s6.3.3, s6.3.4, s6.3.5), with Block1 (RFC 7959 s2.5).
    internal sealed partial class ObjectHandler
    {
        private readonly ValueReader _values = new ValueReader();
        private readonly PackagePart _part = new PackagePart();

        // A write that comes in blocks, until it is whole; null otherwise.
        private byte[] _input;
        private int _inputLength;
        private Lwm2mPath _inputPath;

        private static bool HasBody(CoapReader request)
        {
            return request.PayloadCount > 0 || request.FindOption(CoapOption.ContentFormat);
        }

        private CoapCode Put(CoapExchange exchange, Lwm2mPath path)
        {
            return HasBody(exchange.Request) || !exchange.Request.FindOption(CoapOption.UriQuery) ? Write(exchange, path) : WriteAttributes(exchange, path);
        }

        private CoapCode WriteAttributes(CoapExchange exchange, Lwm2mPath path)
        {
            CoapReader request = exchange.Request;
            NotificationAttributes before = _attributes.Find(path);
            NotificationAttributes attributes = before == null ? new NotificationAttributes(path) : before.Copy();
            request.RewindOptions();
            while (request.ReadOption())
            {
                bool isArgument = request.OptionNumber == CoapOption.UriQuery;
                if (isArgument && !(request.TryGetText(out string argument) && attributes.Take(argument)))
                {
                    return CoapCode.BadRequest;
                }
            }

            if (!attributes.IsConsistent)
            {
                return CoapCode.BadRequest;
            }

            // A device has room for a few.
            return Done(exchange, _attributes.Set(attributes) ? CoapCode.Changed : CoapCode.ServiceUnavailable);
        }

        private CoapCode Execute(CoapExchange exchange, Lwm2mPath path, int traits)
        {
            CoapReader request = exchange.Request;
            if ((traits & ResourceTraits.Execute) == 0)
            {
                return CoapCode.MethodNotAllowed;
            }

            if (!Utf8.IsWellFormed(request.Buffer, request.PayloadOffset, request.PayloadCount, true))
            {
                return CoapCode.BadRequest;
            }

            string arguments = request.PayloadCount == 0 ? string.Empty : Encoding.UTF8.GetString(request.Buffer, request.PayloadOffset, request.PayloadCount);
            return Done(exchange, Find(path.ObjectId).Execute(path.Instance, path.Resource, arguments));
        }

        private CoapCode Write(CoapExchange exchange, Lwm2mPath path)
        {
            CoapReader request = exchange.Request;
            CoapBlock block = new CoapBlock(0, false, CoapBlock.MaxSize);
            bool hasBlock = request.FindOption(CoapOption.Block1);
            // RFC 7959 s2.2: the reserved size, and a block that is not full but for the last.
            if (hasBlock && !(request.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out block) && (!block.More || request.PayloadCount == block.Size)))
            {
                return CoapCode.BadRequest;
            }

            Lwm2mObject target = Find(path.ObjectId);
            if (path.Depth == 3 && target.IsStreamed(path.Resource))
            {
                return WritePart(exchange, target, path, hasBlock, block);
            }

            if (!hasBlock)
            {
                return Done(exchange, Apply(target, path, request, request.Buffer, request.PayloadOffset, request.PayloadCount));
            }

            CoapCode code = Collect(request, path, block);
            if (code == CoapCode.Changed)
            {
                code = Apply(target, path, request, _input, 0, _inputLength);
                _input = null;
            }

            return DoneBlock(exchange, code, block);
        }

        // 2.04 once the last block is there, 2.31 before.
        private CoapCode Collect(CoapReader request, Lwm2mPath path, CoapBlock block)
        {
            if (block.Number == 0)
            {
                _input = new byte[MaxBody];
                _inputLength = 0;
                _inputPath = path;
            }

            if (_input == null || !_inputPath.IsSame(path) || block.Offset != _inputLength)
            {
                // RFC 7959 s2.9.2: a block is missing.
                _input = null;
                return CoapCode.RequestEntityIncomplete;
            }

            if (_inputLength + request.PayloadCount > _input.Length)
            {
                // RFC 7959 s2.9.3.
                _input = null;
                return CoapCode.RequestEntityTooLarge;
            }

            Array.Copy(request.Buffer, request.PayloadOffset, _input, _inputLength, request.PayloadCount);
            _inputLength += request.PayloadCount;
            return block.More ? CoapCode.Continue : CoapCode.Changed;
        }

        private CoapCode WritePart(CoapExchange exchange, Lwm2mObject target, Lwm2mPath path, bool hasBlock, CoapBlock block)
        {
            CoapReader request = exchange.Request;
            int format = GetFormat(request, CoapContentFormat.OctetStream);
            _part.Buffer = request.Buffer;
            _part.Offset = request.PayloadOffset;
            _part.Count = request.PayloadCount;
            if (format == CoapContentFormat.Lwm2mTlv && !hasBlock)
            {
                TlvReader item = new TlvReader(request.Buffer, request.PayloadOffset, request.PayloadCount);
                if (!item.Read() || item.Kind != TlvKind.Resource || item.Id != path.Resource)
                {
                    return CoapCode.BadRequest;
                }

                _part.Offset = item.Offset;
                _part.Count = item.Length;
            }
            else if (format != CoapContentFormat.OctetStream)
            {
                return CoapCode.UnsupportedContentFormat;
            }

            _part.Position = hasBlock ? block.Offset : 0;
            _part.IsMore = hasBlock && block.More;
            uint size = 0;
            bool isSized = request.FindOption(CoapOption.Size1) && request.TryGetUInt(out size) && size <= int.MaxValue;
            _part.Total = isSized ? (int)size : -1;
            if (_part.Position == 0 || !_part.IsMore)
            {
                // Erasing flash, and checking what was written, take their time.
                exchange.Acknowledge();
            }

            CoapCode code = target.TakePart(path.Resource, _part);
            return hasBlock ? DoneBlock(exchange, code, block) : Done(exchange, code);
        }

        private static int GetFormat(CoapReader request, int standard)
        {
            return request.FindOption(CoapOption.ContentFormat) && request.TryGetUInt(out uint format) ? (int)format : standard;
        }

        // All values or none.
        private CoapCode Apply(Lwm2mObject target, Lwm2mPath path, CoapReader request, byte[] buffer, int offset, int count)
        {
            int format = GetFormat(request, CoapContentFormat.Text);
            bool isPlain = format == CoapContentFormat.Text || format == CoapContentFormat.OctetStream;
            if (!ValueReader.IsKnown(format) || (isPlain && path.Depth != 3))
            {
                return CoapCode.UnsupportedContentFormat;
            }

            _values.Begin(target, path, format, buffer, offset, count);
            while (_values.Next())
            {
                CoapCode code = target.Check(path.Instance, _values.Resource, _values.Value);
                if (code != CoapCode.Changed)
                {
                    return code;
                }
            }

            if (_values.Problem != CoapCode.Empty)
            {
                return _values.Problem;
            }

            _values.Restart();
            while (_values.Next())
            {
                target.Write(path.Instance, _values.Resource, _values.Value);
            }

            return CoapCode.Changed;
        }

        private static CoapCode Done(CoapExchange exchange, CoapCode code)
        {
            exchange.Begin(code);
            return CoapCode.Empty;
        }

        private static CoapCode DoneBlock(CoapExchange exchange, CoapCode code, CoapBlock block)
        {
            CoapWriter writer = exchange.Begin(code);
            writer.AddOption(CoapOption.Block1, new CoapBlock(block.Number, block.More && code == CoapCode.Continue, block.Size).Value);
            if (code == CoapCode.RequestEntityTooLarge)
            {
                writer.AddOption(CoapOption.Size1, (uint)MaxBody);
            }

            return CoapCode.Empty;
        }
    }
}
