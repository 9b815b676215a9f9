namespace IotPsk.Tls.Messages;

/// <summary>RFC 8446 sB.3.</summary>
internal enum HandshakeType : byte
{
    ClientHello = 1,
    ServerHello = 2,
    NewSessionTicket = 4,
    EncryptedExtensions = 8,
    Finished = 20,
    KeyUpdate = 24,
    MessageHash = 254,
}
