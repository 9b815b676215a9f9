namespace IotPsk.Shared
{
    /// <summary>Option numbers, and what they tell about the options (RFC 7252 s5.4, s5.10, s12.2).</summary>
    public static class CoapOption
    {
        /// <summary>If-Match: act only on a representation with one of these ETags (s5.10.8.1).</summary>
        public const int IfMatch = 1;

        /// <summary>Uri-Host (s5.10.1).</summary>
        public const int UriHost = 3;

        /// <summary>ETag (s5.10.6).</summary>
        public const int ETag = 4;

        /// <summary>If-None-Match: act only if there is nothing yet (s5.10.8.2).</summary>
        public const int IfNoneMatch = 5;

        /// <summary>Observe (RFC 7641 s2).</summary>
        public const int Observe = 6;

        /// <summary>Uri-Port (s5.10.1).</summary>
        public const int UriPort = 7;

        /// <summary>Location-Path: a segment of the new resource's path (s5.10.7).</summary>
        public const int LocationPath = 8;

        /// <summary>Uri-Path: a segment of the resource's path (s5.10.1).</summary>
        public const int UriPath = 11;

        /// <summary>Content-Format of the payload (s5.10.3).</summary>
        public const int ContentFormat = 12;

        /// <summary>Max-Age, in seconds (s5.10.5).</summary>
        public const int MaxAge = 14;

        /// <summary>Uri-Query: an argument (s5.10.1).</summary>
        public const int UriQuery = 15;

        /// <summary>Hop-Limit (RFC 8768).</summary>
        public const int HopLimit = 16;

        /// <summary>Accept: the Content-Format wished for (s5.10.4).</summary>
        public const int Accept = 17;

        /// <summary>Location-Query (s5.10.7).</summary>
        public const int LocationQuery = 20;

        /// <summary>Block2: which block of a response (RFC 7959 s2.1).</summary>
        public const int Block2 = 23;

        /// <summary>Block1: which block of a request (RFC 7959 s2.1).</summary>
        public const int Block1 = 27;

        /// <summary>Size2: the size of a response's representation, in bytes (RFC 7959 s4).</summary>
        public const int Size2 = 28;

        /// <summary>Proxy-Uri (s5.10.2).</summary>
        public const int ProxyUri = 35;

        /// <summary>Proxy-Scheme (s5.10.2).</summary>
        public const int ProxyScheme = 39;

        /// <summary>Size1: the size of a request's representation, in bytes (s5.10.9).</summary>
        public const int Size1 = 60;

        /// <summary>Echo: proves that the sender of a request is there now (RFC 9175 s2).</summary>
        public const int Echo = 252;

        /// <summary>No-Response: which classes of responses are not wanted (RFC 7967).</summary>
        public const int NoResponse = 258;

        /// <summary>Request-Tag: tells block-wise operations apart (RFC 9175 s3).</summary>
        public const int RequestTag = 292;

        /// <summary>Tells whether a receiver that does not know the option has to refuse the message (s5.4.1, s5.4.6).</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if it is odd.</returns>
        public static bool IsCritical(int number)
        {
            return (number & 1) != 0;
        }

        /// <summary>Tells whether a proxy that does not know the option may not forward it (s5.4.2, s5.4.6).</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if it is unsafe to forward.</returns>
        public static bool IsUnsafe(int number)
        {
            return (number & 2) != 0;
        }

        /// <summary>Tells whether the option is meant to be left out of a cache key (s5.4.2, s5.4.6).</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if it is.</returns>
        public static bool IsNoCacheKey(int number)
        {
            return (number & 0x1e) == 0x1c;
        }

        /// <summary>Tells whether the option may stand in a message more than once (s5.4.5).</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if it may; false also for numbers unknown here.</returns>
        public static bool IsRepeatable(int number)
        {
            switch (number)
            {
                case IfMatch:
                case ETag:
                case LocationPath:
                case UriPath:
                case UriQuery:
                case LocationQuery:
                case RequestTag:
                    return true;
                default:
                    return false;
            }
        }

        /// <summary>Tells whether the option is one of those named here.</summary>
        /// <param name="number">The option number.</param>
        /// <returns>True if it is.</returns>
        public static bool IsKnown(int number)
        {
            return GetRange(number) >= 0;
        }

        /// <summary>Tells whether the value of a known option has a length that its definition allows.</summary>
        /// <param name="number">The option number.</param>
        /// <param name="length">The length in bytes.</param>
        /// <returns>True if it has; true also for numbers unknown here. An option of another length counts as not known (s5.4.3).</returns>
        public static bool IsLengthAllowed(int number, int length)
        {
            int range = GetRange(number);
            return range < 0 || (length >= range >> 16 && length <= (range & 0xffff));
        }

        // Least length in the upper half, most in the lower; -1 for options that are not known.
        private static int GetRange(int number)
        {
            switch (number)
            {
                case IfNoneMatch:
                    return 0;
                case NoResponse:
                    return 1;
                case UriPort:
                case ContentFormat:
                case Accept:
                    return 2;
                case Observe:
                case Block1:
                case Block2:
                    return 3;
                case MaxAge:
                case Size1:
                case Size2:
                    return 4;
                case IfMatch:
                case RequestTag:
                    return 8;
                case LocationPath:
                case UriPath:
                case UriQuery:
                case LocationQuery:
                    return 255;
                case HopLimit:
                    return 0x10001;
                case ETag:
                    return 0x10008;
                case Echo:
                    return 0x10028;
                case UriHost:
                case ProxyScheme:
                    return 0x100ff;
                case ProxyUri:
                    return 0x1040a;
                default:
                    return -1;
            }
        }
    }
}
