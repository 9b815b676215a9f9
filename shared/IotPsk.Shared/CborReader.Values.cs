using System;
using System.Text;

namespace IotPsk.Shared
{
    /// <summary>Numbers, text of any characters, arrays: what other programs' CBOR has in it.</summary>
    public sealed partial class CborReader
    {
        /// <summary>What <see cref="TryReadArray"/> gives for an array that ends by a break.</summary>
        public const int Indefinite = -1;

        // 10 to the power of 400 is beyond every number that IEEE 754 has.
        private const long MaxDecimalExponent = 400;

        /// <summary>Reads the head of an array.</summary>
        /// <param name="items">How many items follow, or <see cref="Indefinite"/>.</param>
        /// <returns>True if there was one, with no more items than could fit.</returns>
        public bool TryReadArray(out int items)
        {
            items = Indefinite;
            if (TryReadIndefinite(CborMajor.Array, CborMajor.Array))
            {
                return true;
            }

            bool read = TryReadHead(out int major, out int _, out ulong count) && major == CborMajor.Array && count <= (ulong)(_end - _position);
            items = read ? (int)count : 0;
            return read;
        }

        /// <summary>Reads the head of a map, or of one that ends by a break.</summary>
        /// <param name="entries">How many pairs follow, or <see cref="Indefinite"/>.</param>
        /// <returns>True if there was one, with no more pairs than could fit.</returns>
        public bool TryReadAnyMap(out int entries)
        {
            entries = Indefinite;
            return TryReadIndefinite(CborMajor.Map, CborMajor.Map) || TryReadMap(out entries);
        }

        /// <summary>Reads the break that ends an array or a map of indefinite length.</summary>
        /// <returns>True if there was one; else nothing is read.</returns>
        public bool TryReadBreak()
        {
            if (_position == _end || _buffer[_position] != CborMajor.Break)
            {
                return false;
            }

            _position++;
            return true;
        }

        /// <summary>Tells whether the next item is text, without reading it.</summary>
        /// <returns>True if it is.</returns>
        public bool IsTextNext()
        {
            return _position < _end && _buffer[_position] >> 5 == CborMajor.TextString;
        }

        /// <summary>Reads a text string.</summary>
        /// <param name="value">The text, or null.</param>
        /// <returns>True if there was one, of well-formed UTF-8.</returns>
        public bool TryReadText(out string value)
        {
            value = null;
            if (!TryReadString(CborMajor.TextString, out int start, out int length) || !Utf8.IsWellFormed(_buffer, start, length, true))
            {
                return false;
            }

            value = length == 0 ? string.Empty : Encoding.UTF8.GetString(_buffer, start, length);
            return true;
        }

        /// <summary>Reads an integer of either sign.</summary>
        /// <param name="value">The integer.</param>
        /// <returns>True if there was one that fits into 64 bits.</returns>
        public bool TryReadInt(out long value)
        {
            return TryReadNumber(out bool isWhole, out value, out double _) && isWhole;
        }

        /// <summary>Reads an integer, a number of IEEE 754 or a decimal fraction (RFC 8949 s3.4.4).</summary>
        /// <param name="isWhole">Whether it is an integer that fits into 64 bits.</param>
        /// <param name="whole">The integer, or 0.</param>
        /// <param name="number">The number in either case.</param>
        /// <returns>True if there was one.</returns>
        public bool TryReadNumber(out bool isWhole, out long whole, out double number)
        {
            isWhole = false;
            whole = 0;
            number = 0;
            if (!TryReadHead(out int major, out int info, out ulong value))
            {
                return false;
            }

            switch (major)
            {
                case CborMajor.UnsignedInteger:
                case CborMajor.NegativeInteger:
                    bool isNegative = major == CborMajor.NegativeInteger;
                    isWhole = value <= long.MaxValue;
                    whole = !isWhole ? 0 : isNegative ? -1 - (long)value : (long)value;
                    number = isWhole ? whole : isNegative ? -1.0 - value : value;
                    return true;
                case CborMajor.Simple:
                    number = info == CborMajor.Half ? FromHalf((int)value)
                        : info == CborMajor.Single ? BitConverter.ToSingle(BitConverter.GetBytes((uint)value), 0)
                        : BitConverter.Int64BitsToDouble((long)value);
                    return info >= CborMajor.Half && info <= CborMajor.Double;
                default:
                    return major == CborMajor.Tag && value == 4 && TryReadFraction(out number);
            }
        }

        private bool TryReadFraction(out double number)
        {
            number = 0;
            if (!TryReadArray(out int items) || items != 2
                || !TryReadHead(out int major, out int _, out ulong scale) || major > CborMajor.NegativeInteger || scale > (ulong)MaxDecimalExponent
                || !TryReadHead(out int sign, out int _, out ulong digits) || sign > CborMajor.NegativeInteger)
            {
                return false;
            }

            number = sign == CborMajor.NegativeInteger ? -1.0 - digits : digits;
            double power = 1;
            int exponent = (int)scale + (major == CborMajor.NegativeInteger ? 1 : 0);
            for (int i = 0; i < exponent; i++)
            {
                power *= 10;
            }

            number = major == CborMajor.NegativeInteger ? number / power : number * power;
            return true;
        }

        // 1 sign, 5 exponent, 10 fraction bits (RFC 8949 app. D).
        private static double FromHalf(int bits)
        {
            int exponent = (bits >> 10) & 31;
            double fraction = bits & 0x3ff;
            double value = exponent == 0 ? fraction / (1 << 24)
                : exponent == 31 ? (fraction == 0 ? double.PositiveInfinity : double.NaN)
                : exponent < 25 ? (fraction + 1024) / (1 << (25 - exponent))
                : (fraction + 1024) * (1 << (exponent - 25));
            return (bits & 0x8000) == 0 ? value : -value;
        }

        private bool TryReadIndefinite(int one, int other)
        {
            if (_canonical || _position == _end || (_buffer[_position] & 31) != CborMajor.Indefinite)
            {
                return false;
            }

            int major = _buffer[_position] >> 5;
            if (major != one && major != other)
            {
                return false;
            }

            _position++;
            return true;
        }
    }
}
