namespace IotPsk.Keys;

/// <summary>A failure whose message is written for the operator: what is wrong, where, and how to mend it.</summary>
public abstract class KeysException : Exception
{
    private protected KeysException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
