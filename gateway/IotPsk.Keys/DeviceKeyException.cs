namespace IotPsk.Keys;

/// <summary>A key that a device cannot have: too short, damaged, of another kind, or wrapped for another TPM. The message says what and how to mend it.</summary>
public sealed class DeviceKeyException : KeysException
{
    internal DeviceKeyException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
