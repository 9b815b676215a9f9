namespace IotPsk.Keys;

/// <summary>An HMAC key that lies outside the TPM, wrapped by its storage parent; it is loaded for each use.</summary>
/// <param name="Parent">The storage parent.</param>
/// <param name="Private">TPM2B_PRIVATE.</param>
/// <param name="Public">TPM2B_PUBLIC.</param>
public sealed record TpmWrappedKey(TpmKeyReference Parent, byte[] Private, byte[] Public);
