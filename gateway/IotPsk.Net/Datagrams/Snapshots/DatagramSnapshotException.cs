namespace IotPsk.Net;

/// <summary>A snapshot of associations cannot be used; the message says why. The devices have to shake hands anew.</summary>
public sealed class DatagramSnapshotException : IOException
{
    internal DatagramSnapshotException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
