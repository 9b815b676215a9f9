using System;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Writes what is at and below a path, in the format that the server asks for (OMA LwM2M 1.1 s7.4).</summary>
    internal sealed class Representation
    {
        /// <summary>There is nothing to read.</summary>
        internal const int Nothing = -1;

        private readonly ResourceCursor _cursor;

        internal Representation(ResourceCursor cursor)
        {
            _cursor = cursor;
        }

        /// <summary>What goes out unless the server asks for another: text or bytes of a single value, SenML-CBOR of several.</summary>
        internal static int GetDefault(Lwm2mPath path, int traits)
        {
            bool isSingle = path.Depth == 4 || (path.Depth == 3 && (traits & ResourceTraits.Multiple) == 0);
            return !isSingle ? CoapContentFormat.SenmlCbor
                : (traits & ResourceTraits.TypeMask) == ResourceTraits.Opaque ? CoapContentFormat.OctetStream : CoapContentFormat.Text;
        }

        /// <summary>Whether what a path names can be told in a format.</summary>
        internal static bool Fits(int format, Lwm2mPath path, int traits)
        {
            switch (format)
            {
                case CoapContentFormat.Text:
                    return GetDefault(path, traits) != CoapContentFormat.SenmlCbor;
                case CoapContentFormat.OctetStream:
                    return GetDefault(path, traits) == CoapContentFormat.OctetStream;
                case CoapContentFormat.SenmlCbor:
                case CoapContentFormat.SenmlJson:
                    return true;
                case CoapContentFormat.Lwm2mTlv:
                    return path.Depth > 0;
                default:
                    return false;
            }
        }

        /// <summary>Writes it; gives the length, or <see cref="Nothing"/>.</summary>
        /// <exception cref="ArgumentException">There is no room.</exception>
        internal int Write(Lwm2mPath path, int format, byte[] buffer)
        {
            _cursor.Start(path);
            int records = 0;
            while (_cursor.Next())
            {
                records++;
            }

            // An object, an instance or a row of values may be empty; a resource that is not there is not found.
            if (records == 0 && (path.Depth == 4 || (path.Depth == 3 && !_cursor.IsMultiple)))
            {
                return Nothing;
            }

            _cursor.Start(path);
            switch (format)
            {
                case CoapContentFormat.SenmlCbor:
                case CoapContentFormat.SenmlJson:
                    return WriteSenml(path, format, buffer, records);
                case CoapContentFormat.Lwm2mTlv:
                    return WriteTlv(path, buffer);
                default:
                    _cursor.Next();
                    return WriteSingle(format, buffer);
            }
        }

        internal static string FormatNumber(SenmlRecord value)
        {
            return value.Kind == SenmlKind.WholeNumber ? value.WholeNumber.ToString() : value.Number.ToString();
        }

        private int WriteSenml(Lwm2mPath path, int format, byte[] buffer, int records)
        {
            string name = path.ToString();
            // A single value needs no name of its own, others begin behind the slash.
            string prefix = records == 1 && path.Depth >= 3 ? null : path.Depth == 0 ? "/" : name + "/";
            SenmlWriter writer = null;
            while (_cursor.Next())
            {
                string full = _cursor.Path.ToString();
                prefix = prefix == null ? full : prefix;
                if (writer == null)
                {
                    writer = new SenmlWriter(format, buffer, 0, buffer.Length, records, prefix, 0);
                }

                _cursor.Value.Name = full;
                writer.Write(_cursor.Value);
            }

            return writer == null ? new SenmlWriter(format, buffer, 0, buffer.Length, 0, string.Empty, 0).End() : writer.End();
        }

        private int WriteTlv(Lwm2mPath path, byte[] buffer)
        {
            TlvWriter writer = new TlvWriter(buffer, 0, buffer.Length);
            int instance = -1;
            int multiple = -1;
            while (_cursor.Next())
            {
                bool newInstance = path.Depth == 1 && _cursor.Instance != instance;
                if (multiple >= 0 && (newInstance || _cursor.Resource != multiple))
                {
                    writer.End();
                    multiple = -1;
                }

                if (newInstance)
                {
                    if (instance >= 0)
                    {
                        writer.End();
                    }

                    instance = _cursor.Instance;
                    writer.Begin(TlvKind.ObjectInstance, instance);
                }

                if (_cursor.IsMultiple && multiple < 0 && path.Depth < 4)
                {
                    multiple = _cursor.Resource;
                    writer.Begin(TlvKind.MultipleResource, multiple);
                }

                WriteItem(writer);
            }

            if (multiple >= 0)
            {
                writer.End();
            }

            if (instance >= 0)
            {
                writer.End();
            }

            return writer.Length;
        }

        private void WriteItem(TlvWriter writer)
        {
            TlvKind kind = _cursor.IsMultiple ? TlvKind.ResourceInstance : TlvKind.Resource;
            int id = _cursor.IsMultiple ? _cursor.ValueIndex : _cursor.Resource;
            SenmlRecord value = _cursor.Value;
            switch (value.Kind)
            {
                case SenmlKind.Number:
                    writer.WriteFloat(kind, id, value.Number);
                    break;
                case SenmlKind.WholeNumber:
                    writer.WriteInteger(kind, id, value.WholeNumber);
                    break;
                case SenmlKind.Flag:
                    writer.WriteBoolean(kind, id, value.Flag);
                    break;
                case SenmlKind.Data:
                    writer.WriteOpaque(kind, id, value.Data, 0, value.Data.Length);
                    break;
                case SenmlKind.ObjectLink:
                    ObjectLinks.Split(value.Text, out int linked, out int instance);
                    writer.WriteObjectLink(kind, id, linked, instance);
                    break;
                default:
                    writer.WriteText(kind, id, value.Text);
                    break;
            }
        }

        private int WriteSingle(int format, byte[] buffer)
        {
            SenmlRecord value = _cursor.Value;
            byte[] bytes;
            if (value.Kind == SenmlKind.Data)
            {
                bytes = format == CoapContentFormat.OctetStream ? value.Data : Encoding.UTF8.GetBytes(Convert.ToBase64String(value.Data));
            }
            else
            {
                bool isNumber = value.Kind == SenmlKind.Number || value.Kind == SenmlKind.WholeNumber;
                string text = isNumber ? FormatNumber(value) : value.Kind == SenmlKind.Flag ? (value.Flag ? "1" : "0") : value.Text;
                bytes = Encoding.UTF8.GetBytes(text);
            }

            if (bytes.Length > buffer.Length)
            {
                throw new ArgumentException("The buffer is too small for the value.");
            }

            Array.Copy(bytes, 0, buffer, 0, bytes.Length);
            return bytes.Length;
        }
    }
}
