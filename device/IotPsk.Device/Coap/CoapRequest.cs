using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>What a device asks a CoAP server. One object can be used for many requests.</summary>
    public sealed class CoapRequest
    {
        /// <summary>GET, POST, PUT, DELETE, FETCH, PATCH or iPATCH.</summary>
        public CoapCode Method { get; set; } = CoapCode.Get;

        /// <summary>The path and query, beginning with a slash.</summary>
        public string Path { get; set; } = "/";

        /// <summary>The content format of the payload; -1: none is told.</summary>
        public int ContentFormat { get; set; } = -1;

        /// <summary>The content format wished for; -1: any.</summary>
        public int Accept { get; set; } = -1;

        /// <summary>The array with the payload; null if there is none.</summary>
        public byte[] Payload { get; set; }

        /// <summary>Where the payload begins.</summary>
        public int Offset { get; set; }

        /// <summary>How many bytes of payload there are. What does not fit one message goes in blocks (RFC 7959 s2.5).</summary>
        public int Count { get; set; }

        /// <summary>Whether a block of the response is asked for by <see cref="Block2"/>.</summary>
        public bool HasBlock2 { get; set; }

        /// <summary>Which block of the response.</summary>
        public CoapBlock Block2 { get; set; }

        /// <summary>Takes an array as the payload.</summary>
        /// <param name="payload">The payload, or null.</param>
        public void SetPayload(byte[] payload)
        {
            Payload = payload;
            Offset = 0;
            Count = payload == null ? 0 : payload.Length;
        }

        // Header, token and everything but the payload; a block of it is told by more than -1.
        internal void WriteOptions(CoapWriter writer, bool isBlock, CoapBlock block1)
        {
            int query = Path == null ? -1 : Path.IndexOf('?');
            CoapPath.Add(writer, query < 0 ? Path : Path.Substring(0, query));
            if (ContentFormat >= 0 && Count > 0)
            {
                writer.AddOption(CoapOption.ContentFormat, (uint)ContentFormat);
            }

            if (query >= 0)
            {
                CoapPath.Add(writer, "/" + Path.Substring(query));
            }

            if (Accept >= 0)
            {
                writer.AddOption(CoapOption.Accept, (uint)Accept);
            }

            if (HasBlock2)
            {
                writer.AddOption(CoapOption.Block2, Block2.Value);
            }

            if (isBlock)
            {
                writer.AddOption(CoapOption.Block1, block1.Value);
                if (block1.Number == 0)
                {
                    writer.AddOption(CoapOption.Size1, (uint)Count);
                }
            }
        }

        internal void Check()
        {
            if (!CoapCodes.IsRequest(Method) || Count < 0 || Offset < 0 || (Count > 0 && (Payload == null || Offset > Payload.Length - Count)))
            {
                throw new ArgumentException("A request has a method, and its payload is inside its array.");
            }
        }
    }
}
