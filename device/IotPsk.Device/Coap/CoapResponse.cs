using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>What a CoAP server answered.</summary>
    public sealed class CoapResponse
    {
        private readonly CoapCode _code;
        private readonly byte[] _payload;
        private readonly string _location;
        private int _contentFormat = -1;
        private int _maxAge = 60;
        private int _size2 = -1;
        private bool _hasBlock1;
        private bool _hasBlock2;
        private CoapBlock _block1;
        private CoapBlock _block2;
        private byte[] _tag;

        internal CoapResponse(CoapReader reader)
        {
            _code = reader.Code;
            _payload = new byte[reader.PayloadCount];
            Array.Copy(reader.Buffer, reader.PayloadOffset, _payload, 0, _payload.Length);
            if (_code == CoapCode.Created)
            {
                _location = CoapPath.FormatLocation(reader);
            }

            reader.RewindOptions();
            while (reader.ReadOption())
            {
                TakeOption(reader);
            }
        }

        /// <summary>The code, e.g. 2.05 Content.</summary>
        public CoapCode Code
        {
            get { return _code; }
        }

        /// <summary>The payload, maybe empty.</summary>
        public byte[] Payload
        {
            get { return _payload; }
        }

        /// <summary>Whether the code says success (2.xx).</summary>
        public bool IsSuccess
        {
            get { return (int)_code >> 5 == 2; }
        }

        /// <summary>The path of what was made, if the code is 2.01; else null.</summary>
        public string Location
        {
            get { return _location; }
        }

        /// <summary>The content format of the payload; -1 if it is not told.</summary>
        public int ContentFormat
        {
            get { return _contentFormat; }
        }

        /// <summary>For how many seconds the answer holds; with 5.03, when to ask again (RFC 7252 s5.9.3.4).</summary>
        public int MaxAge
        {
            get { return _maxAge; }
        }

        /// <summary>The size of the whole representation in bytes; -1 if it is not told.</summary>
        public int Size2
        {
            get { return _size2; }
        }

        /// <summary>Whether the payload is a block of a larger one, <see cref="Block2"/>.</summary>
        public bool HasBlock2
        {
            get { return _hasBlock2; }
        }

        /// <summary>Which block of the representation the payload is.</summary>
        public CoapBlock Block2
        {
            get { return _block2; }
        }

        internal bool HasBlock1
        {
            get { return _hasBlock1; }
        }

        internal CoapBlock Block1
        {
            get { return _block1; }
        }

        /// <summary>Tells whether this is of the same representation as another response (RFC 7959 s2.4).</summary>
        /// <param name="other">The other response.</param>
        /// <returns>True if both have the same ETag, or none.</returns>
        public bool IsSameRepresentation(CoapResponse other)
        {
            if (_tag == null || other._tag == null)
            {
                return _tag == other._tag;
            }

            bool same = _tag.Length == other._tag.Length;
            for (int i = 0; same && i < _tag.Length; i++)
            {
                same = _tag[i] == other._tag[i];
            }

            return same;
        }

        // What has a length or a value that it may not have counts as not there (RFC 7252 s5.4.3).
        private void TakeOption(CoapReader reader)
        {
            if (!CoapOption.IsLengthAllowed(reader.OptionNumber, reader.OptionLength))
            {
                return;
            }

            if (reader.OptionNumber == CoapOption.ETag)
            {
                _tag = new byte[reader.OptionLength];
                Array.Copy(reader.Buffer, reader.OptionOffset, _tag, 0, _tag.Length);
                return;
            }

            if (!reader.TryGetUInt(out uint value))
            {
                return;
            }

            switch (reader.OptionNumber)
            {
                case CoapOption.ContentFormat:
                    _contentFormat = (int)value;
                    break;
                case CoapOption.MaxAge:
                    _maxAge = value > int.MaxValue ? int.MaxValue : (int)value;
                    break;
                case CoapOption.Block2:
                    _hasBlock2 = CoapBlock.TryRead(value, out _block2);
                    break;
                case CoapOption.Block1:
                    _hasBlock1 = CoapBlock.TryRead(value, out _block1);
                    break;
                case CoapOption.Size2:
                    _size2 = value > int.MaxValue ? int.MaxValue : (int)value;
                    break;
                default:
                    break;
            }
        }
    }
}
