using System;

namespace IotPsk.Shared
{
    /// <summary>The value of the options Block1 and Block2: which block, of which size, whether more follow (RFC 7959 s2.2).</summary>
    public struct CoapBlock
    {
        /// <summary>The largest block number.</summary>
        public const int MaxNumber = 0xfffff;

        /// <summary>The smallest block size, in bytes.</summary>
        public const int MinSize = 16;

        /// <summary>The largest block size, in bytes.</summary>
        public const int MaxSize = 1024;

        private const int ReservedExponent = 7;

        private readonly uint _value;

        private CoapBlock(uint value)
        {
            _value = value;
        }

        /// <summary>Names a block.</summary>
        /// <param name="number">Its number, 0 to 1048575.</param>
        /// <param name="more">Whether more blocks follow.</param>
        /// <param name="size">The block size: 16, 32, 64, 128, 256, 512 or 1024 bytes.</param>
        /// <exception cref="ArgumentException">An argument is none of these.</exception>
        public CoapBlock(int number, bool more, int size)
        {
            int exponent = GetExponent(size);
            if (number < 0 || number > MaxNumber || MinSize << exponent != size)
            {
                throw new ArgumentException("A block has a number of 0 to 1048575 and a size of 16, 32, ... 1024 bytes (RFC 7959 s2.2).");
            }

            _value = ((uint)number << 4) | (more ? 8u : 0) | (uint)exponent;
        }

        /// <summary>The block number.</summary>
        public int Number
        {
            get { return (int)(_value >> 4); }
        }

        /// <summary>Whether more blocks follow; in a request's Block2 it means nothing.</summary>
        public bool More
        {
            get { return (_value & 8) != 0; }
        }

        /// <summary>The block size, in bytes.</summary>
        public int Size
        {
            get { return MinSize << (int)(_value & 7); }
        }

        /// <summary>Where the block begins in the whole body, in bytes.</summary>
        public int Offset
        {
            get { return Number << (4 + (int)(_value & 7)); }
        }

        /// <summary>The value of the option.</summary>
        public uint Value
        {
            get { return _value; }
        }

        /// <summary>Reads the value of the option.</summary>
        /// <param name="value">The unsigned integer.</param>
        /// <param name="block">The block it names.</param>
        /// <returns>False for the reserved size exponent 7 (RFC 7959 s2.2: answered by 4.00) and for more than 24 bits.</returns>
        public static bool TryRead(uint value, out CoapBlock block)
        {
            bool read = value <= 0xffffff && (value & 7) != ReservedExponent;
            block = new CoapBlock(read ? value : 0);
            return read;
        }

        /// <summary>The largest block size that is not above a limit.</summary>
        /// <param name="limit">The limit in bytes, 16 at least.</param>
        /// <returns>16 to 1024.</returns>
        public static int GetSize(int limit)
        {
            return MinSize << GetExponent(limit);
        }

        private static int GetExponent(int size)
        {
            int exponent = 0;
            while (exponent < ReservedExponent - 1 && MinSize << (exponent + 1) <= size)
            {
                exponent++;
            }

            return exponent;
        }
    }
}
