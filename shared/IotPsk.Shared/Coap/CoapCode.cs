namespace IotPsk.Shared
{
    /// <summary>The codes of CoAP messages: class in the upper 3 bits, detail in the lower 5 (RFC 7252 s3, s12.1).</summary>
    public enum CoapCode
    {
        /// <summary>0.00: neither request nor response (s4.1).</summary>
        Empty = 0x00,

        /// <summary>0.01 GET (s5.8.1).</summary>
        Get = 0x01,

        /// <summary>0.02 POST (s5.8.2).</summary>
        Post = 0x02,

        /// <summary>0.03 PUT (s5.8.3).</summary>
        Put = 0x03,

        /// <summary>0.04 DELETE (s5.8.4).</summary>
        Delete = 0x04,

        /// <summary>0.05 FETCH (RFC 8132 s2).</summary>
        Fetch = 0x05,

        /// <summary>0.06 PATCH (RFC 8132 s3).</summary>
        Patch = 0x06,

        /// <summary>0.07 iPATCH: a PATCH that is idempotent (RFC 8132 s3).</summary>
        IPatch = 0x07,

        /// <summary>2.01 Created.</summary>
        Created = 0x41,

        /// <summary>2.02 Deleted.</summary>
        Deleted = 0x42,

        /// <summary>2.03 Valid: the representation with this ETag still holds.</summary>
        Valid = 0x43,

        /// <summary>2.04 Changed.</summary>
        Changed = 0x44,

        /// <summary>2.05 Content.</summary>
        Content = 0x45,

        /// <summary>2.31 Continue: the next block, please (RFC 7959 s2.9.1).</summary>
        Continue = 0x5f,

        /// <summary>4.00 Bad Request.</summary>
        BadRequest = 0x80,

        /// <summary>4.01 Unauthorized.</summary>
        Unauthorized = 0x81,

        /// <summary>4.02 Bad Option: a critical option was not understood (s5.4.1).</summary>
        BadOption = 0x82,

        /// <summary>4.03 Forbidden.</summary>
        Forbidden = 0x83,

        /// <summary>4.04 Not Found.</summary>
        NotFound = 0x84,

        /// <summary>4.05 Method Not Allowed.</summary>
        MethodNotAllowed = 0x85,

        /// <summary>4.06 Not Acceptable.</summary>
        NotAcceptable = 0x86,

        /// <summary>4.08 Request Entity Incomplete: blocks are missing (RFC 7959 s2.9.2).</summary>
        RequestEntityIncomplete = 0x88,

        /// <summary>4.09 Conflict (RFC 8132 s3.4).</summary>
        Conflict = 0x89,

        /// <summary>4.12 Precondition Failed.</summary>
        PreconditionFailed = 0x8c,

        /// <summary>4.13 Request Entity Too Large (RFC 7959 s2.9.3).</summary>
        RequestEntityTooLarge = 0x8d,

        /// <summary>4.15 Unsupported Content-Format.</summary>
        UnsupportedContentFormat = 0x8f,

        /// <summary>4.22 Unprocessable Entity (RFC 8132 s3.4).</summary>
        UnprocessableEntity = 0x96,

        /// <summary>4.29 Too Many Requests (RFC 8516).</summary>
        TooManyRequests = 0x9d,

        /// <summary>5.00 Internal Server Error.</summary>
        InternalServerError = 0xa0,

        /// <summary>5.01 Not Implemented.</summary>
        NotImplemented = 0xa1,

        /// <summary>5.02 Bad Gateway.</summary>
        BadGateway = 0xa2,

        /// <summary>5.03 Service Unavailable; Max-Age tells for how long (s5.9.3.4).</summary>
        ServiceUnavailable = 0xa3,

        /// <summary>5.04 Gateway Timeout.</summary>
        GatewayTimeout = 0xa4,

        /// <summary>5.05 Proxying Not Supported.</summary>
        ProxyingNotSupported = 0xa5,

        /// <summary>5.08 Hop Limit Reached (RFC 8768).</summary>
        HopLimitReached = 0xa8,
    }
}
