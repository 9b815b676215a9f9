namespace IotPsk.Shared
{
    /// <summary>What the classes of codes mean (RFC 7252 s3, s5.9).</summary>
    public static class CoapCodes
    {
        /// <summary>Tells whether a code is that of a request.</summary>
        /// <param name="code">The code.</param>
        /// <returns>True for 0.01 to 0.31, known or not.</returns>
        public static bool IsRequest(CoapCode code)
        {
            return code > CoapCode.Empty && (int)code < 0x20;
        }

        /// <summary>Tells whether a code is that of a response.</summary>
        /// <param name="code">The code.</param>
        /// <returns>True for the classes 2, 4 and 5.</returns>
        public static bool IsResponse(CoapCode code)
        {
            int c = GetClass(code);
            return c == 2 || c == 4 || c == 5;
        }

        /// <summary>Tells whether repeating a request does no more than the request itself (RFC 7252 s5.1, RFC 8132 s3).</summary>
        /// <param name="code">The code of a request.</param>
        /// <returns>True for GET, PUT, DELETE, FETCH and iPATCH.</returns>
        public static bool IsIdempotent(CoapCode code)
        {
            switch (code)
            {
                case CoapCode.Get:
                case CoapCode.Put:
                case CoapCode.Delete:
                case CoapCode.Fetch:
                case CoapCode.IPatch:
                    return true;
                default:
                    return false;
            }
        }

        /// <summary>The class of a code.</summary>
        /// <param name="code">The code.</param>
        /// <returns>0 for requests, 2 for success, 4 for the client's errors, 5 for the server's; 1, 6 and 7 are reserved.</returns>
        public static int GetClass(CoapCode code)
        {
            return (int)code >> 5;
        }

        /// <summary>Writes a code as the RFCs do.</summary>
        /// <param name="code">The code.</param>
        /// <returns>For example <c>4.04</c>.</returns>
        public static string Format(CoapCode code)
        {
            int detail = (int)code & 31;
            return GetClass(code).ToString() + (detail < 10 ? ".0" : ".") + detail.ToString();
        }
    }
}
