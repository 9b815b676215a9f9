using System;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Takes the values of a write apart: text, bytes, TLV or SenML (OMA LwM2M 1.1 s7.4).</summary>
    internal sealed class ValueReader
    {
        private readonly SenmlRecord _value = new SenmlRecord();
        private int _format;
        private byte[] _buffer;
        private int _offset;
        private int _count;
        private Lwm2mObject _object;
        private Lwm2mPath _target;
        private SenmlReader _senml;
        private TlvReader _rows;
        private TlvReader _row;
        private int _multiple;
        private bool _isOver;
        private bool _isPlainRead;
        private CoapCode _problem;
        private int _resource;

        /// <summary>The resource that the value is for.</summary>
        internal int Resource
        {
            get { return _resource; }
        }

        internal SenmlRecord Value
        {
            get { return _value; }
        }

        /// <summary>Why reading ended; Empty at the end of the payload.</summary>
        internal CoapCode Problem
        {
            get { return _problem; }
        }

        internal static bool IsKnown(int format)
        {
            return format == CoapContentFormat.Text || format == CoapContentFormat.OctetStream || format == CoapContentFormat.Lwm2mTlv
                || format == CoapContentFormat.SenmlCbor || format == CoapContentFormat.SenmlJson;
        }

        internal void Begin(Lwm2mObject target, Lwm2mPath path, int format, byte[] buffer, int offset, int count)
        {
            _object = target;
            _target = path;
            _format = format;
            _buffer = buffer;
            _offset = offset;
            _count = count;
            Restart();
        }

        /// <summary>Goes back before the first value.</summary>
        internal void Restart()
        {
            _isOver = false;
            _isPlainRead = false;
            _problem = CoapCode.Empty;
            _row = null;
            _rows = null;
            _senml = null;
            if (_format == CoapContentFormat.Lwm2mTlv)
            {
                _rows = new TlvReader(_buffer, _offset, _count);
            }
            else if (_format == CoapContentFormat.SenmlCbor || _format == CoapContentFormat.SenmlJson)
            {
                _senml = new SenmlReader(_format, _buffer, _offset, _count);
            }
        }

        /// <summary>Reads the next value and brings it into the kind of its resource.</summary>
        internal bool Next()
        {
            if (_isOver)
            {
                return false;
            }

            bool read = _senml != null ? NextSenml() : _rows != null ? NextTlv() : NextPlain();
            _isOver = !read || _problem != CoapCode.Empty;
            return !_isOver;
        }

        // False with a code that says why; what a resource cannot take is told before what it is not.
        private bool Accept(int resource)
        {
            _resource = resource;
            int index = _object.Find(resource);
            if (index < 0)
            {
                return Fail(CoapCode.NotFound);
            }

            int traits = _object.GetTraits(index);
            return (traits & ResourceTraits.Write) != 0 || Fail(CoapCode.MethodNotAllowed);
        }

        private bool Fail(CoapCode code)
        {
            _problem = code;
            return false;
        }

        private int GetKind()
        {
            return _object.GetTraits(_object.Find(_resource)) & ResourceTraits.TypeMask;
        }

        private bool NextPlain()
        {
            if (_isPlainRead)
            {
                return false;
            }

            _isPlainRead = true;
            if (!Accept(_target.Resource))
            {
                return false;
            }

            if (_format == CoapContentFormat.OctetStream)
            {
                return TakeData(_buffer, _offset, _count) || Fail(CoapCode.BadRequest);
            }

            if (!Utf8.IsWellFormed(_buffer, _offset, _count, true))
            {
                return Fail(CoapCode.BadRequest);
            }

            bool right = TakeText(_count == 0 ? string.Empty : Encoding.UTF8.GetString(_buffer, _offset, _count));
            return right || Fail(CoapCode.BadRequest);
        }

        private bool TakeData(byte[] buffer, int offset, int count)
        {
            if (GetKind() != ResourceTraits.Opaque)
            {
                return false;
            }

            _value.Kind = SenmlKind.Data;
            _value.Data = new byte[count];
            Array.Copy(buffer, offset, _value.Data, 0, count);
            return true;
        }

        private bool TakeText(string text)
        {
            switch (GetKind())
            {
                case ResourceTraits.WholeNumber:
                case ResourceTraits.Time:
                    bool isWhole = long.TryParse(text, out long whole);
                    TakeWhole(whole);
                    return isWhole;
                case ResourceTraits.Number:
                    bool isNumber = double.TryParse(text, out double number);
                    _value.Kind = SenmlKind.Number;
                    _value.Number = number;
                    return isNumber;
                case ResourceTraits.Boolean:
                    _value.Kind = SenmlKind.Flag;
                    _value.Flag = text == "1";
                    return text == "1" || text == "0";
                case ResourceTraits.ObjectLink:
                    _value.Kind = SenmlKind.ObjectLink;
                    _value.Text = text;
                    return ObjectLinks.Split(text, out int _, out int _);
                case ResourceTraits.Opaque:
                    return false;
                default:
                    _value.Kind = SenmlKind.Text;
                    _value.Text = text;
                    return true;
            }
        }

        private void TakeWhole(long whole)
        {
            _value.Kind = SenmlKind.WholeNumber;
            _value.WholeNumber = whole;
            _value.Number = whole;
        }

        private bool NextTlv()
        {
            for (; ;)
            {
                if (_row != null)
                {
                    if (_row.Read())
                    {
                        return TakeItem(_row, _multiple);
                    }

                    if (_row.IsMalformed)
                    {
                        return Fail(CoapCode.BadRequest);
                    }

                    _row = null;
                }

                if (!_rows.Read())
                {
                    return !_rows.IsMalformed ? false : Fail(CoapCode.BadRequest);
                }

                switch (_rows.Kind)
                {
                    case TlvKind.ObjectInstance:
                        // Around the resources of one instance (s7.4.3).
                        if (_target.Depth != 2 || _rows.Id != _target.Instance)
                        {
                            return Fail(CoapCode.BadRequest);
                        }

                        _rows = _rows.GetItems();
                        break;
                    case TlvKind.MultipleResource:
                        _multiple = _rows.Id;
                        _row = _rows.GetItems();
                        break;
                    default:
                        return TakeItem(_rows, _rows.Kind == TlvKind.ResourceInstance ? _target.Resource : _rows.Id);
                }
            }
        }

        private bool TakeItem(TlvReader item, int resource)
        {
            if (_target.Depth > 2 && resource != _target.Resource)
            {
                return Fail(CoapCode.BadRequest);
            }

            if (!Accept(resource))
            {
                return false;
            }

            bool right;
            switch (GetKind())
            {
                case ResourceTraits.WholeNumber:
                case ResourceTraits.Time:
                    right = item.TryGetInteger(out long whole);
                    TakeWhole(whole);
                    break;
                case ResourceTraits.Number:
                    right = item.TryGetFloat(out double number);
                    _value.Kind = SenmlKind.Number;
                    _value.Number = number;
                    break;
                case ResourceTraits.Boolean:
                    right = item.TryGetBoolean(out bool flag);
                    _value.Kind = SenmlKind.Flag;
                    _value.Flag = flag;
                    break;
                case ResourceTraits.ObjectLink:
                    right = item.TryGetObjectLink(out int linked, out int instance);
                    _value.Kind = SenmlKind.ObjectLink;
                    _value.Text = linked.ToString() + ":" + instance.ToString();
                    break;
                case ResourceTraits.Opaque:
                    right = TakeData(_buffer, item.Offset, item.Length);
                    break;
                default:
                    right = item.TryGetText(out string text);
                    _value.Kind = SenmlKind.Text;
                    _value.Text = text;
                    break;
            }

            return right || Fail(CoapCode.BadRequest);
        }

        private bool NextSenml()
        {
            if (!_senml.Read(_value))
            {
                return _senml.Error == SenmlError.None ? false : Fail(CoapCode.BadRequest);
            }

            bool isInside = Lwm2mPath.TryParse(_value.Name, out Lwm2mPath path) && path.Depth >= 3 && _target.Contains(path);
            if (!isInside)
            {
                return Fail(CoapCode.BadRequest);
            }

            return Accept(path.Resource) && (Convert() || Fail(CoapCode.BadRequest));
        }

        // SenML knows numbers, text, flags and bytes; the resource wants its own kind.
        private bool Convert()
        {
            SenmlKind kind = _value.Kind;
            switch (GetKind())
            {
                case ResourceTraits.WholeNumber:
                case ResourceTraits.Time:
                    return kind == SenmlKind.WholeNumber;
                case ResourceTraits.Number:
                    _value.Kind = SenmlKind.Number;
                    return kind == SenmlKind.WholeNumber || kind == SenmlKind.Number;
                case ResourceTraits.Boolean:
                    return kind == SenmlKind.Flag;
                case ResourceTraits.Opaque:
                    return kind == SenmlKind.Data;
                case ResourceTraits.ObjectLink:
                    return kind == SenmlKind.ObjectLink && ObjectLinks.Split(_value.Text, out int _, out int _);
                default:
                    return kind == SenmlKind.Text;
            }
        }
    }
}
