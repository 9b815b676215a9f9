namespace IotPsk.Tls.Crypto;

internal enum AeadAlgorithm : byte
{
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Ccm,
    Aes128Ccm8,
}
