using System;

namespace IotPsk.Shared
{
    /// <summary>ImportedIdentity of RFC 9258 s5.1: what an imported PSK calls itself on the wire.</summary>
    public sealed class ImportedIdentity
    {
        /// <summary>target_protocol for TLS 1.3.</summary>
        public const int Tls13 = 0x0304;

        /// <summary>target_protocol for DTLS 1.3.</summary>
        public const int Dtls13 = 0xfefc;

        /// <summary>target_kdf HKDF_SHA256 (RFC 9258 s10).</summary>
        public const int HkdfSha256 = 0x0001;

        /// <summary>target_kdf HKDF_SHA384 (RFC 9258 s10).</summary>
        public const int HkdfSha384 = 0x0002;

        /// <summary>The longest external identity or context, in bytes.</summary>
        public const int MaxFieldLength = 0xffff;

        private readonly byte[] _externalIdentity;
        private readonly byte[] _context;
        private readonly int _targetProtocol;
        private readonly int _targetKdf;

        /// <summary>Makes an identity from its fields; the arrays are kept, not copied.</summary>
        /// <param name="externalIdentity">1 to 65535 bytes.</param>
        /// <param name="context">0 to 65535 bytes.</param>
        /// <param name="targetProtocol"><see cref="Tls13"/> or <see cref="Dtls13"/>, or another 16-bit value.</param>
        /// <param name="targetKdf"><see cref="HkdfSha256"/> or <see cref="HkdfSha384"/>, or another 16-bit value.</param>
        /// <exception cref="ArgumentException">A field is outside its range.</exception>
        public ImportedIdentity(byte[] externalIdentity, byte[] context, int targetProtocol, int targetKdf)
        {
            if (externalIdentity == null || externalIdentity.Length == 0 || externalIdentity.Length > MaxFieldLength)
            {
                throw new ArgumentException("external_identity is 1 to 65535 bytes long (RFC 9258 s5.1).");
            }

            if (context == null || context.Length > MaxFieldLength)
            {
                throw new ArgumentException("context is 0 to 65535 bytes long (RFC 9258 s5.1).");
            }

            if (targetProtocol < 0 || targetProtocol > 0xffff || targetKdf < 0 || targetKdf > 0xffff)
            {
                throw new ArgumentException("target_protocol and target_kdf are 16-bit values (RFC 9258 s5.1).");
            }

            _externalIdentity = externalIdentity;
            _context = context;
            _targetProtocol = targetProtocol;
            _targetKdf = targetKdf;
        }

        /// <summary>external_identity.</summary>
        public byte[] ExternalIdentity
        {
            get { return _externalIdentity; }
        }

        /// <summary>context; empty if there is none.</summary>
        public byte[] Context
        {
            get { return _context; }
        }

        /// <summary>target_protocol.</summary>
        public int TargetProtocol
        {
            get { return _targetProtocol; }
        }

        /// <summary>target_kdf.</summary>
        public int TargetKdf
        {
            get { return _targetKdf; }
        }

        /// <summary>Reads an identity that fills the given range exactly.</summary>
        /// <param name="buffer">The bytes.</param>
        /// <param name="offset">Where the identity begins.</param>
        /// <param name="count">How many bytes it has.</param>
        /// <returns>The identity, or null if the range is not exactly one ImportedIdentity.</returns>
        public static ImportedIdentity TryParse(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                return null;
            }

            int end = offset + count;
            byte[] identity = TakeField(buffer, ref offset, end);
            if (identity == null || identity.Length == 0)
            {
                return null;
            }

            byte[] context = TakeField(buffer, ref offset, end);
            if (context == null || end - offset != 4)
            {
                return null;
            }

            int protocol = (buffer[offset] << 8) | buffer[offset + 1];
            int kdf = (buffer[offset + 2] << 8) | buffer[offset + 3];
            return new ImportedIdentity(identity, context, protocol, kdf);
        }

        /// <summary>Writes the identity as it goes on the wire.</summary>
        /// <returns>The serialised ImportedIdentity.</returns>
        public byte[] Encode()
        {
            byte[] wire = new byte[2 + _externalIdentity.Length + 2 + _context.Length + 4];
            int at = PutField(wire, 0, _externalIdentity);
            at = PutField(wire, at, _context);
            at = PutUInt16(wire, at, _targetProtocol);
            PutUInt16(wire, at, _targetKdf);
            return wire;
        }

        private static byte[] TakeField(byte[] buffer, ref int offset, int end)
        {
            if (end - offset < 2)
            {
                return null;
            }

            int length = (buffer[offset] << 8) | buffer[offset + 1];
            if (end - offset - 2 < length)
            {
                return null;
            }

            byte[] field = new byte[length];
            Array.Copy(buffer, offset + 2, field, 0, length);
            offset += 2 + length;
            return field;
        }

        private static int PutField(byte[] wire, int at, byte[] field)
        {
            at = PutUInt16(wire, at, field.Length);
            Array.Copy(field, 0, wire, at, field.Length);
            return at + field.Length;
        }

        private static int PutUInt16(byte[] wire, int at, int value)
        {
            wire[at] = (byte)(value >> 8);
            wire[at + 1] = (byte)value;
            return at + 2;
        }
    }
}
