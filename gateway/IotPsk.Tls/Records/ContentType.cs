namespace IotPsk.Tls.Records;

/// <summary>RFC 8446 s5.1, RFC 9146 s3.</summary>
internal enum ContentType : byte
{
    Invalid = 0,
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    ApplicationData = 23,
    Tls12Cid = 25,
}
