namespace IotPsk.Shared
{
    /// <summary>The value of the option No-Response (RFC 7967 s2.1): one bit for each class of responses.</summary>
    public static class CoapNoResponse
    {
        /// <summary>No responses of class 2.</summary>
        public const int Success = 2;

        /// <summary>No responses of class 4.</summary>
        public const int ClientError = 8;

        /// <summary>No responses of class 5.</summary>
        public const int ServerError = 16;

        /// <summary>Tells whether a client does not want a response.</summary>
        /// <param name="value">The option's value; 0 asks for all of them.</param>
        /// <param name="code">The code of the response.</param>
        /// <returns>True if it is not to be sent.</returns>
        public static bool Suppresses(int value, CoapCode code)
        {
            return ((value >> (CoapCodes.GetClass(code) - 1)) & 1) != 0;
        }
    }
}
