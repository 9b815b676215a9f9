using System;

namespace IotPsk.Shared
{
    /// <summary>What a device needs to reach its fleet: who it is, where to connect, its identities and keys.</summary>
    /// <remarks>
    /// On the wire a canonical CBOR map with integer keys (RFC 8949 s4.2.1): 1 version, 2 device id, 3 server id, 4 TLS address,
    /// 5 DTLS address, 6 TLS 1.3 identity, 7 TLS 1.3 key, 8 (D)TLS 1.2 identity, 9 (D)TLS 1.2 key, 10 record size limit,
    /// 11 connection ids, 12 epoch, 13 session mode: then 6 and 7 are not there and 9 is the key that each session's PSK is made of.
    /// Keys 14 to 63 are refused, keys from 64 on belong to later versions and are skipped.
    /// Without 7 and 9 it is the public part, which holds no secret.
    /// </remarks>
    public sealed partial class CredentialBundle
    {
        /// <summary>The version of the format.</summary>
        public const int Version = 1;

        /// <summary>The largest encoded bundle, in bytes.</summary>
        public const int MaxLength = 2048;

        /// <summary>The size of every key, in bytes.</summary>
        public const int KeyLength = 32;

        /// <summary>The smallest record size limit (RFC 8449 s4).</summary>
        public const int MinRecordSizeLimit = 64;

        /// <summary>The largest record size limit: 2^14 and the content type (RFC 8449 s4).</summary>
        public const int MaxRecordSizeLimit = 16385;

        /// <summary>The device id.</summary>
        public string DeviceId { get; set; }

        /// <summary>The fleet's logical name, 1 to 255 characters of printable ASCII.</summary>
        public string ServerId { get; set; }

        /// <summary>Where TLS connects to, <c>host:port</c>.</summary>
        public string TlsAddress { get; set; }

        /// <summary>Where DTLS connects to, <c>host:port</c>; null if nowhere.</summary>
        public string DtlsAddress { get; set; }

        /// <summary>The serialised ImportedIdentity for TLS 1.3 with HKDF_SHA256 (RFC 9258 s5.1).</summary>
        public byte[] Tls13Identity { get; set; }

        /// <summary>The imported key for TLS 1.3, 32 bytes; null in the public part.</summary>
        public byte[] Tls13Key { get; set; }

        /// <summary>The identity for (D)TLS 1.2, 1 to 128 bytes; null if there is none.</summary>
        public byte[] Tls12Identity { get; set; }

        /// <summary>The key for (D)TLS 1.2, 32 bytes; null if there is none, and in the public part.</summary>
        public byte[] Tls12Key { get; set; }

        /// <summary>The record size limit the device announces (RFC 8449), 64 to 16385 bytes.</summary>
        public int RecordSizeLimit { get; set; }

        /// <summary>Whether DTLS uses connection ids (RFC 9146).</summary>
        public bool UseConnectionId { get; set; }

        /// <summary>The epoch of the fleet key, from 1; 0 for resident and session keys, which have none.</summary>
        public int Epoch { get; set; }

        /// <summary>Session mode: how many bytes of each random make the PSK of a session of <see cref="Tls12Key"/>, 32 or 28; 0 in other modes.</summary>
        public int SessionRandoms { get; set; }

        /// <summary>Writes the bundle.</summary>
        /// <returns>Canonical CBOR; it holds the keys, so the caller clears it.</returns>
        /// <exception cref="InvalidOperationException">A field is missing or wrong; the message names it.</exception>
        public byte[] Encode()
        {
            byte[] buffer = new byte[MaxLength];
            try
            {
                byte[] bundle = new byte[Encode(buffer, 0)];
                Array.Copy(buffer, 0, bundle, 0, bundle.Length);
                return bundle;
            }
            finally
            {
                Array.Clear(buffer, 0, buffer.Length);
            }
        }

        /// <summary>Writes the bundle into a buffer of the caller and nowhere else.</summary>
        /// <param name="buffer">The buffer; it then holds the keys, so the caller clears it.</param>
        /// <param name="offset">Where to begin; at least <see cref="MaxLength"/> bytes must follow.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="InvalidOperationException">A field is missing or wrong; the message names it.</exception>
        /// <exception cref="ArgumentException">The buffer is too small.</exception>
        public int Encode(byte[] buffer, int offset)
        {
            string problem = FindProblem();
            if (problem != null)
            {
                throw new InvalidOperationException(problem);
            }

            CborWriter writer = new CborWriter(buffer, offset, MaxLength);
            WriteTo(writer);
            return writer.Length;
        }

        /// <summary>Zeroes the keys and forgets them: what is left is the public part.</summary>
        public void Clear()
        {
            if (Tls13Key != null)
            {
                Array.Clear(Tls13Key, 0, Tls13Key.Length);
                Tls13Key = null;
            }

            if (Tls12Key != null)
            {
                Array.Clear(Tls12Key, 0, Tls12Key.Length);
                Tls12Key = null;
            }
        }

        private void WriteTo(CborWriter writer)
        {
            writer.WriteMap(CountFields());
            writer.WriteUInt(1);
            writer.WriteUInt(Version);
            WriteText(writer, 2, DeviceId);
            WriteText(writer, 3, ServerId);
            WriteText(writer, 4, TlsAddress);
            WriteText(writer, 5, DtlsAddress);
            WriteBytes(writer, 6, Tls13Identity);
            WriteBytes(writer, 7, Tls13Key);
            WriteBytes(writer, 8, Tls12Identity);
            WriteBytes(writer, 9, Tls12Key);
            writer.WriteUInt(10);
            writer.WriteUInt(RecordSizeLimit);
            writer.WriteUInt(11);
            writer.WriteBool(UseConnectionId);
            writer.WriteUInt(12);
            writer.WriteUInt(Epoch);
            if (SessionRandoms != 0)
            {
                writer.WriteUInt(13);
                writer.WriteUInt(SessionRandoms);
            }
        }

        private int CountFields()
        {
            int fields = Tls13Identity != null ? 8 : 7;
            if (SessionRandoms != 0)
            {
                fields++;
            }

            if (DtlsAddress != null)
            {
                fields++;
            }

            if (Tls13Key != null)
            {
                fields++;
            }

            if (Tls12Identity != null)
            {
                fields++;
            }

            if (Tls12Key != null)
            {
                fields++;
            }

            return fields;
        }

        private static void WriteText(CborWriter writer, int field, string value)
        {
            if (value != null)
            {
                writer.WriteUInt(field);
                writer.WriteText(value);
            }
        }

        private static void WriteBytes(CborWriter writer, int field, byte[] value)
        {
            if (value != null)
            {
                writer.WriteUInt(field);
                writer.WriteBytes(value);
            }
        }
    }
}
