namespace IotPsk.Shared
{
    /// <summary>The major types of CBOR (RFC 8949 s3.1) and the simple values used here (s3.3).</summary>
    internal static class CborMajor
    {
        internal const int UnsignedInteger = 0;
        internal const int NegativeInteger = 1;
        internal const int ByteString = 2;
        internal const int TextString = 3;
        internal const int Array = 4;
        internal const int Map = 5;
        internal const int Tag = 6;
        internal const int Simple = 7;
        internal const int False = 20;
        internal const int True = 21;
        internal const int Half = 25;
        internal const int Single = 26;
        internal const int Double = 27;
        internal const int Indefinite = 31;
        internal const int Break = 0xff;
    }
}
